"""The exporting process of bench.exports: what `waysight export violations` does before its word to the audit log."""

from __future__ import annotations

import json
import re
import resource
import sys
import time
from pathlib import Path

import pyarrow as pa

from waysight.adapters.clickhouse import connect
from waysight.commands.export import (
    Export,
    Selection,
)  # the command's own module, for the memory that it needs
from waysight.reporting.reading import batches, months
from waysight.settings import get_settings
from waysight.storage.tables import table


def main(out: Path) -> None:
    """Export all violations to Parquet and print time (s), CPU (s), highest resident memory (MiB), rows, bytes."""
    pa.set_memory_pool(pa.system_memory_pool())
    begin, wanted = time.monotonic(), Selection(table("violations"))
    with Export(out, "parquet", wanted.schema) as export:
        clickhouse = connect(get_settings())
        export.write_all(batches(clickhouse, wanted, months(clickhouse, wanted)), lambda _: None)
        manifest = export.manifest({})
        export.publish(manifest)
    used = resource.getrusage(resource.RUSAGE_SELF)
    # Not ru_maxrss, which counts from the process that started this one.
    peak_kib = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])
    print(json.dumps({
        "seconds": round(time.monotonic() - begin, 2), "bytes": manifest["bytes"], "rows": manifest["rows"],
        "cpu_s": round(used.ru_utime + used.ru_stime, 2), "own_mib": round(peak_kib / 1024),
    }))  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]))
