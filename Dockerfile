# The app on a small host: no TensorFlow, OpenVINO answers. See docs/deployment.md.
#
#     docker build -t pneumo . && docker run --rm -p 8501:8501 --read-only --tmpfs /tmp pneumo
FROM python:3.12-slim-bookworm

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 \
    HOME=/tmp
RUN useradd --uid 1000 --no-create-home --shell /usr/sbin/nologin pneumo
WORKDIR /app

COPY deploy/requirements.txt ./requirements.txt
COPY requirements.lock ./
RUN pip install -c requirements.lock -r requirements.txt

COPY LICENSE streamlit_app.py ./
COPY .streamlit/ .streamlit/
COPY samples/ samples/
COPY weights/ weights/
COPY pneumo/ pneumo/
# Weights of another release, damaged or only pointed to fail here and not before the first visitor:
# hashes and the self-test are checked, and one radiograph is answered.
RUN python -m pneumo predict samples/NORMAL > /dev/null

USER pneumo
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
CMD ["streamlit", "run", "streamlit_app.py", "--server.address=0.0.0.0", "--server.port=8501", "--server.headless=true"]
