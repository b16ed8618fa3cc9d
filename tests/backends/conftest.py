"""A Dask cluster in processes of its own, which a test may stop or end."""

import pytest
from support.dask_clusters import Outside


@pytest.fixture
def outside(tmp_path):
    begun = []

    def begin():
        begun.append(Outside(tmp_path))
        return begun[-1]

    yield begin
    for each in begun:
        each.close()
