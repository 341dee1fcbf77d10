"""A real RTSP server for tests, run by the system's Python (gi): rtsp_server.py PORT CODEC FILE.

Serves FILE (MP4) as rtsp://127.0.0.1:PORT/cam; CODEC is h264, hevc, or h264-nal: each slice on its own, with
parameter sets before each IDR slice, as some cameras send. A session ends at the file's end.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402


def main(port: str, codec: str, path: str) -> None:
    """Serve until killed; prints `ready`."""
    Gst.init(None)
    parse, pay = ("h265parse", "rtph265pay") if codec == "hevc" else ("h264parse", "rtph264pay")
    if codec == "h264-nal":
        parse += " ! video/x-h264,stream-format=byte-stream,alignment=nal"
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(
        f"( filesrc location={path} ! qtdemux ! {parse} ! {pay} name=pay0 pt=96 config-interval=-1 )"
    )
    factory.set_shared(False)
    server.get_mount_points().add_factory("/cam", factory)
    if not server.attach(None):
        sys.exit(f"port {port} is taken")
    print("ready", flush=True)
    GLib.MainLoop().run()


main(*sys.argv[1:4])
