"""What is dropped: files and archives in, one `Source` a radiograph out."""

import secrets
from functools import partial

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from pneumo.dataset.examples import label_of_name
from pneumo.errors import RadiographError
from pneumo.reading.archive import is_archive, list_pictures, unpack_picture
from pneumo.reading.limits import MAX_BYTES, MAX_FILES
from pneumo.ui.server.streamlit_internals import InternalsError, check_internals, take_bytes
from pneumo.ui.session import state
from pneumo.ui.session.values import Source


def show_drop_zone() -> dict[str, Source]:
    """Shows the drop zone, if what is said in it is true.

    Returns:
        What was dropped and not removed, by identity, in the order it came.
    """
    try:
        check_internals()
    except InternalsError as error:
        st.error(f"**Nothing can be dropped here.** {error}", icon=":material/error:")
        return {}
    # Asked for before the uploads: from the first byte taken to its place in here nothing may end
    # the run, as any word to Streamlit can.
    dropped = state.DROPPED.ensure()
    uploads = st.file_uploader(
        "Drop radiographs here, or a ZIP archive of them",
        type=None,  # told by content: DICOM from hospital discs has no suffix
        accept_multiple_files=True,
        key="uploads",
        help="DICOM, JPEG, PNG, WebP, TIFF, BMP or GIF, recognised by content, not by name, up to "
        f"{MAX_BYTES // 2**20} MiB each and {MAX_FILES} in all. They are kept in this server's "
        "memory for this session only; the app never writes them to disk.",
    )
    for removed in dropped.keys() - {upload.file_id for upload in uploads}:
        del dropped[removed]
    for upload in uploads:
        if upload.file_id not in dropped:
            dropped[upload.file_id] = _sources_of(upload)
    return {key: x for upload in uploads for key, x in dropped[upload.file_id].items()}


def keep_dropped() -> None:
    """Keeps what was dropped while another page is shown, where there is no drop zone."""
    carried = state.CARRIED.ensure()
    for sources in state.DROPPED.take().values():
        carried |= sources


def carried_over() -> dict[str, Source]:
    """Returns what was dropped before another page was shown, and offers to remove it."""
    carried = state.CARRIED.ensure()
    if carried:
        with st.container(horizontal=True, vertical_alignment="center", key="carried-row"):
            st.caption(f"{len(carried)} radiographs or files from before are still here.")
            st.button("Remove them", key="remove-carried", on_click=carried.clear)
    return dict(carried)


def _sources_of(upload: UploadedFile) -> dict[str, Source]:
    """Returns one source for a file, one for each picture of an archive.

    All of an upload share its bytes, which are in memory once and go with the last source.
    """
    key, name, data = f"upload:{upload.file_id}", upload.name, take_bytes(upload)
    if not is_archive(data[:4]):
        return {key: Source(name, lambda: data, label_of_name(name))}
    try:
        pictures = list_pictures(data, name)
    except RadiographError as error:
        return {key: Source(name, partial(_fail, error))}
    # Keys reach the browser: the place in an archive, sorted by folder, could tell the label there.
    return {
        f"{key}/{secrets.token_hex(8)}": Source(
            f"{name}/{picture}", partial(unpack_picture, data, name, place), label_of_name(picture)
        )
        for place, picture in enumerate(pictures)
    }


def _fail(error: RadiographError) -> bytes:
    raise error
