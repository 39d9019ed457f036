"""Argument checks: each returns the checked value, or raises one sentence that names the argument and the cure."""
from lnlkit.checks.arrays import (
    array,
    class_names,
    group_numbers,
    inputs,
    label_vectors,
    labels,
    labels_or_vectors,
    numbers,
    positions,
    same_length,
    transition_matrix,
)
from lnlkit.checks.values import (
    between,
    brief,
    count,
    fraction,
    function,
    generator,
    instance,
    mapping,
    not_negative,
    one_of,
    path,
    positive,
    positive_int,
    seed,
    seed_list,
    sequence,
    text,
    writable_file,
    writable_folder,
)

__all__ = [
    "array", "between", "brief", "class_names", "count", "fraction", "function", "generator", "group_numbers",
    "inputs", "instance", "label_vectors", "labels", "labels_or_vectors", "mapping", "not_negative", "numbers",
    "one_of", "path", "positions", "positive", "positive_int", "same_length", "seed", "seed_list", "sequence", "text",
    "transition_matrix", "writable_file", "writable_folder",
]  # fmt: skip
