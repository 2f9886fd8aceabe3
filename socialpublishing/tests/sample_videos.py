"""Videos for tests: valid ones made by FFmpeg, and hostile ones made box by box."""

import io
import struct
from fractions import Fraction

import av


def make_video(container="mp4", codec="libx264", *, audio=None, seconds=1, options=None):
    """A black video of 64 by 36 pixels, 25 frames a second."""
    file = io.BytesIO()
    with av.open(file, "w", format=container, options=options or {}) as output:
        pictures = output.add_stream(codec, rate=25)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 36, "yuv420p"
        sound = output.add_stream(audio, rate=48000) if audio else None
        for number in range(25 * seconds):
            frame = av.VideoFrame(64, 36, "yuv420p")
            blank(frame, number, Fraction(1, 25))
            output.mux(pictures.encode(frame))
        output.mux(pictures.encode())
        for number in range(48 * seconds if sound else 0):
            frame = av.AudioFrame(format=sound.format.name, layout="stereo", samples=1000)
            frame.sample_rate = 48000
            blank(frame, number * 1000, Fraction(1, 48000))
            output.mux(sound.encode(frame))
        if sound:
            output.mux(sound.encode())
    return file.getvalue()


def blank(frame, pts, time_base):
    frame.pts, frame.time_base = pts, time_base
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))


def box(kind, *contents):
    data = b"".join(contents)
    return struct.pack(">I4s", 8 + len(data), kind) + data


def long_box(kind, length, data=b""):
    """A box with a 64-bit length, correct or not."""
    return struct.pack(">I4sQ", 1, kind, length) + data


def split_boxes(data):
    """The boxes in `data`, by their kind."""
    found = {}
    at = 0
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        found[kind] = data[at : at + length]
        at += length
    return found


FTYP = box(b"ftyp", b"isom\0\0\2\0isommp41")


UPRIGHT = (0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
QUARTER_TURN = (0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000)


def moov(*, tracks=1, duration=5000, samples=150, handler=b"vide", matrix=UPRIGHT):
    """A `moov` box. All `samples` have one size, so few bytes can claim many samples."""
    mvhd = struct.pack(">I2QIQI", 1 << 24, 0, 0, 1000, duration, 0x10000) + bytes(76)
    track = struct.pack(">I2QIIQ", 1 << 24 | 7, 0, 0, 1, 0, duration) + bytes(16)
    track += struct.pack(">9i2I", *matrix, 640 << 16, 360 << 16)
    media = struct.pack(">I2QIQHH", 1 << 24, 0, 0, 1000, duration, 0, 0)
    entry = bytes(6) + b"\0\1" + bytes(16) + struct.pack(">HH", 640, 360) + bytes(50)
    table = box(
        b"stbl",
        box(b"stsd", struct.pack(">II", 0, 1), box(b"avc1", entry)),
        box(b"stts", struct.pack(">4I", 0, 1, samples, 33)),
        box(b"stsc", struct.pack(">5I", 0, 1, 1, samples, 1)),
        box(b"stsz", struct.pack(">3I", 0, 1, samples)),
        box(b"stco", struct.pack(">3I", 0, 1, 48)),
    )
    inner = box(
        b"mdia",
        box(b"mdhd", media),
        box(b"hdlr", bytes(8) + handler + bytes(13)),
        box(b"minf", table),
    )
    whole_track = box(b"trak", box(b"tkhd", track), inner)
    return box(b"moov", box(b"mvhd", mvhd), whole_track * tracks)
