"""Counting times in buckets."""

from __future__ import annotations

from live.histogram import Histogram


def test_a_value_is_counted_in_its_bucket_and_in_all_above() -> None:
    histogram = Histogram([0.5, 1, 10])
    for value in (0.1, 0.5, 0.7, 10, 11):
        histogram.observe(value)
    assert histogram.cumulative() == [("0.5", 2), ("1", 3), ("10", 4), ("+Inf", 5)]
    assert histogram.count == 5
    assert round(histogram.sum, 6) == 22.3


def test_an_empty_one_has_all_its_buckets() -> None:
    histogram = Histogram([1, 2])
    assert histogram.cumulative() == [("1", 0), ("2", 0), ("+Inf", 0)]
    assert (histogram.count, histogram.sum) == (0, 0)
