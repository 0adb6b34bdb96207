"""Formats of other tools, a file each, found through one table: labels in, labels and scores out."""

from curator.formats import (
    cleanlab,
    coco,
    csv_table,
    cvat,
    embedding_atlas,
    fiftyone_labels,
    fiftyone_samples,
    hugging_face,
    image_folder,
    json_lines,
    knn_csr,
    label_studio,
    parquet,
    webdataset,
)
from curator.formats.dataset import Dataset, Format, Options, Record

__all__ = ["FORMATS", "Dataset", "Format", "Options", "Record"]

FORMATS: dict[str, Format] = {
    each.FORMAT.name: each.FORMAT
    for each in (
        csv_table,
        parquet,
        json_lines,
        coco,
        label_studio,
        cvat,
        hugging_face,
        fiftyone_labels,
        fiftyone_samples,
        image_folder,
        webdataset,
        cleanlab,
        embedding_atlas,
        knn_csr,
    )
}
