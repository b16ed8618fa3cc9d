"""A Dask cluster in processes of its own, which a test may stop or kill."""

import pytest
from support.dask_clusters import ExternalCluster


@pytest.fixture
def start_external_cluster(tmp_path):
    """Return a function that starts a cluster; all clusters end with the test."""
    clusters = []

    def start():
        clusters.append(ExternalCluster(tmp_path))
        return clusters[-1]

    yield start

    for cluster in clusters:
        cluster.close()
