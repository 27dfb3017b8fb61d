"""The sections of a report on errors: confusions, worst photos, calibration."""

from core.charts.calibration import draw_reliability
from core.charts.matrix import draw_matrix
from core.evaluation.confusion import order_classes, to_long
from core.formats import count, percent
from core.reporting.contents import RunReport
from core.reporting.elements import chart, paragraph, picture, section, table
from core.reporting.markup import Markup, join, tag
from core.reporting.pictures import WorstPhoto

_MANY = 12
"""Classes above which look-alikes stand side by side in the matrix."""
_WIDE = 40
"""Classes above which the matrix may be wider than the text."""
_THUMBNAIL = 112
_OVERLAYS = (
    ": the photo, what spoke for the class that was predicted, and what would have spoken for the "
    "true one (Grad-CAM: bright is strong, each scaled by itself)"
)
_NO_OVERLAYS = ". What they were judged by cannot be drawn: the run's backbone is gone"


def write_confusion(report: RunReport) -> Markup:
    """Returns the matrix and the most confused pairs."""
    names, matrix = report.result.classes, report.matrix
    many = len(names) > _MANY
    order = order_classes(matrix, names, "confusion") if many else range(len(names))
    ordered = [names[number] for number in order]
    cells = to_long(matrix, names)
    children = [
        chart(
            lambda dark: draw_matrix(cells, ordered, dark=dark),
            "Confusion matrix: rows true, columns predicted; the pairs below are its largest.",
            "Look-alikes stand side by side." if many else "",
            wide=len(names) > _WIDE,
        )
    ]
    if len(report.pairs):
        rows = [
            [
                row["true"],
                row["predicted"],
                f"{row['count']:,}",
                percent(row["row_share"], row["support"]),
                f"{row['support']:,}",
            ]
            for row in report.pairs.to_dict("records")
        ]
        headings = ("True class", "Taken for", "Photos", "Of the class", "n")
        children += [tag("h3", "Most confused pairs"), table(headings, rows, numbers=2)]
    else:
        children.append(paragraph("No photo is confused."))
    return section("confusion", "Confusions", *children)


def write_worst(report: RunReport) -> Markup:
    """Returns the wrong photos with the highest loss, both classes named, with Grad-CAM."""
    if not report.worst:
        return section("worst", "Worst photos", paragraph("No photo is wrong."))
    wrong = int((~report.slices.right).sum())
    return section(
        "worst",
        "Worst photos",
        paragraph(
            f"The {count(len(report.worst), 'photo')} with the highest loss of {wrong:,} wrong "
            f"ones{_OVERLAYS if report.worst[0].overlays else _NO_OVERLAYS}."
        ),
        tag("div", *(_show_photo(one) for one in report.worst), class_="wall"),
    )


def write_calibration(report: RunReport) -> Markup:
    """Returns how far scores can be trusted."""
    found = report.calibration
    return section(
        "calibration",
        "Calibration",
        paragraph(
            f"Expected calibration error {100 * found.error:.1f} points (95 % interval "
            f"{100 * found.error_low:.1f} to {100 * found.error_high:.1f}, n = {found.n:,}); a "
            "perfectly calibrated model would stay below "
            f"{100 * found.error_by_chance:.1f} in 95 of 100 cases. Answers have a mean score of "
            f"{100 * found.mean_score:.1f} %, and {100 * found.accuracy:.1f} % of them are right."
        ),
        chart(
            lambda dark: draw_reliability(found.bins, "As the run gives them", dark),
            "Share of right answers against the score of the answer, in bins of equal width.",
        ),
    )


def _show_photo(one: WorstPhoto) -> Markup:
    file = one.path.rpartition("/")[2]
    spoke = zip(one.overlays, (one.predicted, one.true), strict=False)
    pictures = join(
        picture(one.picture, f"{one.true}, {one.path}", _THUMBNAIL),
        *(picture(overlay, f"What spoke for {name}", _THUMBNAIL) for overlay, name in spoke),
    )
    words = join(
        tag("span", "predicted ", tag("b", one.predicted), f" {_score(one.predicted_score)}"),
        tag("span", "true ", tag("b", one.true), f" {_score(one.true_score)}"),
        tag("span", file, class_="file", title=one.path),
    )
    return tag("figure", tag("div", pictures, class_="strip"), tag("figcaption", words))


def _score(score: float) -> str:
    return f"{100 * score:.1f} %"
