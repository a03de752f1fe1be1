"""`train.py` in forks of a process that has imported all it needs, which spares seconds a run.

Whatever a run changes, is killed by or runs out of is its own: it is a process like any other.
"""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_SERVER = """
import json, os, resource, sys
import h5py, matplotlib.figure, matplotlib.backends.backend_agg, PIL.Image
import train

for line in sys.stdin:
    job = json.loads(line)
    child = os.fork()
    if not child:
        break
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
else:
    sys.exit()
for number, path in enumerate((os.devnull, job["stdout"], job["stderr"])):
    file = os.open(path, os.O_RDWR | os.O_CREAT)
    os.dup2(file, number)
    os.close(file)
sys.stdin = open(0, closefd=False)
os.environ.update(job["environment"])
sys.argv = ["train.py", *job["arguments"]]
if job["limit"]:
    resource.setrlimit(resource.RLIMIT_FSIZE, (job["limit"], job["limit"]))
exec(job["code"])
"""


@cache
def _server(backend: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", _SERVER],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def run_fork(
    backend: str,
    code: str,
    arguments: list[str],
    folder: Path,
    limit: int | None = None,
    environment: dict[str, str] | None = None,
) -> subprocess.CompletedProcess:
    """Runs code after `import train`; it ends as `python -c` does.

    Args:
        backend: Of Keras.
        code: For which `train` has been imported.
        arguments: That it finds in `sys.argv` after the script's name.
        folder: For what it prints; exists.
        limit: Of the size of a file in bytes, if any.
        environment: Variables beside those there are.
    """
    job = {
        "code": code,
        "arguments": arguments,
        "limit": limit,
        "environment": environment or {},
        "stdout": str(folder / "stdout"),
        "stderr": str(folder / "stderr"),
    }
    server = _server(backend)
    server.stdin.write(json.dumps(job) + "\n")
    server.stdin.flush()
    answer = server.stdout.readline()
    stdout, stderr = ((folder / name).read_text() for name in ("stdout", "stderr"))
    return subprocess.CompletedProcess(["train.py", *arguments], int(answer), stdout, stderr)
