"""Data sets: load, check, look at, stream and write rows of text."""

from isogloss.data.columns import Columns, Kind
from isogloss.data.fingerprints import fingerprint
from isogloss.data.inspection import PairReport, SideReport, inspect_pair
from isogloss.data.loading import check_different_files, load, name_of
from isogloss.data.overlap import count_duplicates, count_repeats
from isogloss.data.preparing import prepare
from isogloss.data.streaming import read_batches, read_schema, to_dataset
from isogloss.data.writing import RowWriter

__all__ = [
    "Columns",
    "Kind",
    "PairReport",
    "RowWriter",
    "SideReport",
    "check_different_files",
    "count_duplicates",
    "count_repeats",
    "fingerprint",
    "inspect_pair",
    "load",
    "name_of",
    "prepare",
    "read_batches",
    "read_schema",
    "to_dataset",
]
