"""Lists of whole numbers in MATLAB files (.mat), read with SciPy."""

from pathlib import Path

import numpy as np

from core.errors import SourceRefused


def read_vector(file: Path, name: str) -> np.ndarray:
    """Returns a variable of a .mat file as (n,) int64, n at least 1.

    Raises:
        SourceRefused: It is no .mat file, has no such variable, or it is no list of whole numbers.
    """
    from scipy.io import loadmat  # takes a third of a second

    try:
        found = loadmat(file, variable_names=[name]).get(name)
    except FileNotFoundError as error:
        raise SourceRefused(f"There is no file “{file}”.", "Check the path.") from error
    except Exception as error:
        raise SourceRefused(
            f"“{file.name}” is no MATLAB file that can be read ({error}).",
            "Copy or download it again.",
        ) from error
    values = np.asarray(found if found is not None else []).ravel()
    whole = values.dtype.kind in "iuf" and np.isfinite(values).all() and (values % 1 == 0).all()
    if not len(values) or not whole:
        raise SourceRefused(
            f"“{file.name}” has no list of whole numbers called “{name}”.",
            "Check that the right files were given: imagelabels.mat holds “labels”, setid.mat "
            "holds “trnid”, “valid” and “tstid”.",
        )
    return values.astype(np.int64)
