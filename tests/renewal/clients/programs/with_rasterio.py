"""GDAL by way of rasterio: one raster after the other, for as long as there is more to do.

As where boto3 is not installed: with it, rasterio asks boto3 and hands keys to GDAL.
"""

import itertools
import sys
import urllib.parse

sys.modules["boto3"] = None  # type: ignore[assignment]  # so that importing it fails
import rasterio  # noqa: E402

bucket, endpoint = sys.argv[1:]
settings = {
    "AWS_S3_ENDPOINT": urllib.parse.urlsplit(endpoint).netloc,
    "AWS_HTTPS": "NO",
    "AWS_VIRTUAL_HOSTING": "FALSE",
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
}
with rasterio.Env(**settings):
    for number in itertools.count():
        with rasterio.open(f"/vsis3/{bucket}/state-{number}.asc") as raster:
            if raster.read(1)[0, 0]:
                break
