"""`tags`: which tags the photos of a dataset bear; give photos a tag, or take it away."""

from argparse import Namespace

import numpy as np

from core.cli.choosing import DATASET
from core.cli.command import command, option
from core.cli.edits import PHOTOS, find_photo, read_chosen
from core.cli.outcome import Outcome, ProgressLine, format_table
from core.datasets.tags import add_tag, read_tags, remove_tag
from core.formats import count
from core.workspace import Workspace

_TAG = option("tag", "its name", metavar="TAG")

tags = command(DATASET, default="list")


@tags.action("list", "show the tags; --json names their photos")
def _list(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
    dataset = read_chosen(workspace, given)
    there, paths = read_tags(workspace, dataset), dataset.manifest["path"].to_numpy()
    named = {
        name: paths[np.flatnonzero(there.borne[:, number])].tolist()
        for number, name in enumerate(there.names)
    }
    rows = [(name, f"{len(photos):,}") for name, photos in named.items()]
    text = (
        format_table(("tag", "photos"), rows) if rows else f"No photo of {dataset.name} is tagged."
    )
    return Outcome(text, {"dataset": dataset.id, "tags": named})


@tags.action("remove", "take a tag off photos", _TAG, PHOTOS)
@tags.action("add", "give photos a tag", _TAG, PHOTOS)
def _change(workspace: Workspace, given: Namespace, _progress: ProgressLine) -> Outcome:
    dataset = read_chosen(workspace, given)
    photos = [find_photo(dataset, text) for text in given.photos]
    change = add_tag if given.action == "add" else remove_tag
    changed = change(workspace, dataset, photos, given.tag)
    document = {"dataset": dataset.id, "tag": given.tag, "changed": changed}
    return Outcome(f"{given.action}: {count(changed, 'photo')} changed.", document)
