"""Every limit on what is read, and why it is that number; SECURITY.md shows them as a table.

They are checked before memory or time is spent: a header's claim is compared with them before a
decoder sees the pixels. Frames need none: of a moving or paged picture only the first is decoded,
and the others are not even counted; in DICOM they count among the pixels.
"""

MAX_BYTES = 32 * 2**20
"""Bytes of one picture: 16 million pixels of 16 bits uncompressed, a large detector's raw image."""

MAX_PIXELS = 40_000_000
"""Pixels of one picture, samples of all frames of a DICOM file. The largest digital detectors have
18 million (43 x 43 cm at 0.1 mm), film scans up to twice that; decoded in colour it is 160 MB.
"""

MAX_DECODED = 256_000_000
"""Bytes that a picture takes while it is decoded. Colour takes 4 a pixel, a progressive JPEG 6 more
for what it knows so far, a WebP 16 in four copies: 25 and 16 million pixels of those are read.
"""

MIN_SIDE = 64
"""Pixels on the shorter side: the network looks at 299, and less than a fifth of it shows nothing.
"""

MIN_SPREAD = 8
"""Grey levels between the darkest and the brightest pixel: less is a blank exposure."""

MAX_TILE_PIXELS = 4096 * 4096
"""Pixels of one tile of a TIFF: the decoder makes room for a whole tile even for a tiny picture.
Scanners write 256 x 256 or 512 x 512.
"""

MAX_SCANS = 64
"""Scans of a JPEG: each one is a pass over the whole picture, so that a small file of many can keep
a processor busy for hours. Encoders write 1 to 4, progressive ones about 10.
"""

MAX_SEGMENTS = 500
"""Segments before the pixels of a JPEG. A colour profile takes at most 255; EXIF in many small ones
costs time that grows with the square of their number.
"""

MAX_CHUNKS = 20_000
"""Chunks of a PNG, each read by Python in a few microseconds. Encoders put 8 KiB of pixels or more
into one: 4,096 of them fill `MAX_BYTES`.
"""

MAX_BLOCKS = 200_000
"""Blocks of a GIF, each an object while Pillow reads a comment. `MAX_BYTES` in the usual blocks of
255 bytes are 132,000.
"""

MAX_INFLATED = 2 * MAX_PIXELS + 2**20
"""Bytes that a deflated DICOM file may become: two for each pixel, and 1 MiB of other elements."""

MAX_ITEMS = 20_000
"""Items of a DICOM file's sequences, and fragments of its pixels: pydicom makes an object of each,
in 20 microseconds and 650 bytes. A frame is one fragment, and `MAX_PIXELS` allows less than 10,000.
"""

MAX_ELEMENT = 2**20
"""Bytes of a DICOM element that is read, pixels apart: pydicom makes an object of each value. The
longest that a radiograph has are lookup tables of 128 KiB.
"""

MAX_MEMBERS = 1000
"""Members of a ZIP archive: five sessions full of radiographs, listed in 50 ms even where each
has to be looked into because its name does not tell."""

MAX_TOTAL_BYTES = 512 * 2**20
"""Bytes that the pictures of an archive unpack to, by its own statement; they are unpacked one
after the other, so this bounds time and not memory.
"""

MAX_RATIO = 100
"""Bytes that one compressed byte of an archive may become: pictures are compressed already, and
uncompressed ones, DICOM among them, gain a factor of 2 to 10. Deflate itself reaches 1,032.
"""

MAX_FILES = 200
"""Radiographs in one session: each stays in memory at its own size, a few megabytes."""

MAX_UPLOAD_MIB = 256
"""MiB of one upload, so of one archive; Streamlit reads it from `.streamlit/config.toml`."""
