"""Sources of datasets: folder, archive, table, public datasets, the sample.

May be imported by `data` and by the rooms that import datasets. Nothing is decoded here.
"""
