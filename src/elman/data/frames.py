"""Data frames of polars and of pandas: whichever came in goes out."""

from typing import TYPE_CHECKING, Any

from elman.errors import InputError

if TYPE_CHECKING:
    import polars as pl


def to_polars(frame: Any, name: str = "df") -> "pl.DataFrame":
    """A frame of polars or pandas as one of polars.

    Args:
        frame: what the user gave.
        name: of the argument, for messages.

    Raises:
        InputError: it is no such frame, or it has no rows.
    """
    import polars as pl

    if not isinstance(frame, pl.DataFrame):
        if not (hasattr(frame, "iloc") and hasattr(frame, "columns")):
            raise InputError(f"{name} must be a DataFrame of polars or pandas. Got {type(frame).__name__}.")
        frame = pl.DataFrame([_column(str(column), frame[column]) for column in frame.columns])
    if len(frame) == 0:
        raise InputError(f"{name}: has no rows")
    return frame


def _column(name: str, column: Any) -> "pl.Series":
    import polars as pl

    if column.dtype.kind == "M":
        plain = (
            column.dt.tz_convert("UTC").dt.tz_localize(None) if getattr(column.dtype, "tz", None) else column
        )
        return pl.Series(name, plain.to_numpy().astype("datetime64[us]"))
    if column.dtype.kind in "biuf" and not column.isna().any():
        return pl.Series(name, column.to_numpy())
    values = [None if missing else value for value, missing in zip(column, column.isna(), strict=True)]
    return pl.Series(name, values, strict=False)


def like(frame: "pl.DataFrame", given: Any) -> Any:
    """The frame in the kind of ``given``: pandas where that is of pandas."""
    import polars as pl

    if given is None or isinstance(given, pl.DataFrame):
        return frame
    import pandas as pd

    return pd.DataFrame({column: frame[column].to_numpy() for column in frame.columns})
