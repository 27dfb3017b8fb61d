"""The desk of a class: how to join, where it is led, who is how far, and what was answered."""

import io
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import segno
import streamlit as st

from core.classroom import (
    MOST_HANDED,
    Lead,
    ask_photos,
    divide_photos,
    gather_photos,
    lead,
    let_in_again,
    list_handed,
    use_dataset,
)
from core.closing import close_class
from core.datasets.importing import ImportStatus, read_import
from core.errors import NotAllowed
from core.formats import count, plain, rough_duration
from core.links import PAGES, list_links, make_link, take_back_link, write_address
from core.people import Person
from core.runs.store import list_runs
from core.ui.desk.charts import draw_answers, draw_settings
from core.ui.desk.reading import DeskPage, read_base, read_desk, write_results
from core.ui.parts import cache
from core.ui.parts.charts import show_kept_chart
from core.ui.parts.choosing import list_done
from core.ui.parts.frame import is_presenting, link_page, list_served
from core.ui.parts.live_state import show_job
from core.ui.parts.messages import report_errors, show_problem
from core.ui.parts.pickers import name_runs, pick_named, tell_apart, title_run
from core.ui.visitor.visitor import find_class, find_person, has_people
from data.manifest import list_datasets

_FREE = "free"
_NAMES, _IMPORT = "desk.names", "desk.import"
_LOOK_EVERY = "2s"
_LINKED = {"lesson": "The lesson", "run": "A run", "dataset": "The photos of a dataset"}


def show_desk() -> None:
    """Draw the whole page."""
    class_id = find_class()
    if not class_id:
        with st.container(border=True):
            st.subheader("No class is open", anchor=False)
            st.write(
                "A class is the lesson for a room, on your photos: students join with a code and a "
                "name, you see how far each is and lead them. Open one in a terminal; it prints "
                "the way to its desk."
            )
            st.code("make class ADDRESS=0.0.0.0", language="bash")
        if has_people():
            _show_links()
        return
    if find_person().role not in ("owner", "instructor"):
        raise NotAllowed("The desk is for who teaches.", "Go to the lesson.", status=403)
    page = read_desk(class_id)
    if page.classroom.closed:
        st.info("The class is closed. End its server with Ctrl+C.", icon=":material/door_front:")
        return
    if is_presenting():
        _show_way_in(page)
        st.fragment(run_every=_LOOK_EVERY)(_show_class)(class_id)
        return
    left, right = st.columns(2, gap="medium")
    with left.container(border=True, height="stretch"):
        _show_way_in(page)
    with right.container(border=True, height="stretch"):
        _show_lead(page)
        _show_photos(page)
        _show_end(page)
    st.fragment(run_every=_LOOK_EVERY)(_show_class)(class_id)
    _show_collecting(page)
    _show_links()


def _show_way_in(page: DeskPage) -> None:
    """Draw address, code and QR, large enough for a room."""
    picture = io.BytesIO()
    segno.make(page.address, error="m").save(picture, kind="png", scale=6, border=2)
    left, right = st.columns([2, 5], vertical_alignment="center")
    left.image(picture.getvalue(), alt=f"QR code of {page.address}")
    right.markdown(f"{plain(page.address.removeprefix('http://'))}\n# {page.classroom.code}")
    if "localhost" in page.address or "127.0.0.1" in page.address:
        right.caption("For phones: make class ADDRESS=0.0.0.0, and open the desk by that address.")


def _show_lead(page: DeskPage) -> None:
    """Draw where the class is led: to a step, held there or not."""
    steps = {str(number): title for number, title in enumerate(page.titles.values(), 1)}
    st.session_state["desk.step"] = page.lead.step or _FREE
    st.session_state["desk.hold"] = page.lead.frozen
    st.selectbox(
        "Follow me",
        [_FREE, *steps],
        format_func=lambda step: steps.get(step, "everybody at their own pace"),
        key="desk.step",
        on_change=_lead,
        help="All screens go to this step within two seconds. Hold: nobody can leave it.",
    )
    st.toggle("Hold all there", key="desk.hold", disabled=not page.lead.step, on_change=_lead)


def _show_photos(page: DeskPage) -> None:
    """Draw the choice of the dataset that the lesson is on."""
    summaries = list_datasets(cache.workspace())
    names = tell_apart({one.id: one.name for one in summaries if not one.problem})
    if names:
        key = "desk.dataset"
        chosen = page.classroom.dataset
        st.session_state[key] = chosen if chosen in names else next(iter(names))
        use = partial(use_dataset, cache.workspace(), page.classroom.id)
        pick_named(
            "Photos of the lesson",
            names,
            key=key,
            on_change=lambda: use(st.session_state[key]),
            help="For who comes from now on, or loads the lesson by its address again.",
        )


def _lead() -> None:
    step = st.session_state["desk.step"]
    to = Lead() if step == _FREE else Lead(step=step, frozen=st.session_state["desk.hold"])
    lead(cache.workspace(), find_class(), to)


def _show_class(class_id: str) -> None:
    """Draw who is how far, and what was answered; drawn again every two seconds."""
    with report_errors():  # a fragment's errors do not reach those of its page
        page = read_desk(class_id)
        if page.tiles.empty:
            st.info("Nobody has joined yet.", icon=":material/group:")
            return
        at, title = page.answers[page.answers["step"] == page.present], page.titles[page.present]
        answered = at[at["right"].notna()].drop_duplicates("student", keep="last")
        tried = at[at["outcome"].notna()]
        left, right = st.columns(2, gap="medium")
        with left:
            if len(answered):
                said = f"{title} · {count(len(answered), 'answer')}"
                given = answered[["setting", "right"]].astype({"right": bool})
                show_kept_chart(draw_answers, given, said, alt=said)
        with right:
            if len(tried):
                said = f"{title} · {count(tried['student'].nunique(), 'student')} tried"
                points = tried[["setting", "outcome"]].astype({"outcome": float})
                show_kept_chart(draw_settings, points, said, alt=said)
        if is_presenting():
            solved = count(int(page.tiles["right"].sum()), "right answer")
            st.markdown(f"**{count(len(page.tiles), 'student')}**, {solved} where they are")
        else:
            _show_tiles(page)


def _show_tiles(page: DeskPage) -> None:
    """Draw a tile for each student, who has waited longest for a right answer first."""
    steps = {key: title.split(".")[0] for key, title in page.titles.items()}
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{count(len(page.tiles), 'student')}**", width="content")
        help_text = (
            "Tiles say step and setting, the answers given to it, and since when none was right; "
            "who waits longest comes first. Without names the screen can be shown to all."
        )
        named = st.toggle("Show names", key=_NAMES, help=help_text)
    now = datetime.now(UTC)
    with st.container(horizontal=True, gap="small"):
        for one in page.tiles.itertuples():
            name = plain(str(one.name), 14) if named else f"Student {one.number}"
            mark = " :green[:material/check_circle:]" if one.right else ""
            waited = rough_duration(max((now - one.since).total_seconds(), 0))
            at = f"step {steps[one.step]} · {plain(str(one.setting), 10)}" if one.step else "joined"
            with st.container(border=True, width=152, gap=None):
                st.markdown(f"**{name}**{mark}")
                tries = f"{count(one.tries, 'try')} · {waited}"
                st.caption(f"{at}  \n{tries}  \n{one.solved} of {len(page.titles)} right")


def _show_end(page: DeskPage) -> None:
    """Draw what is taken home, and the end of the class."""
    with st.container(horizontal=True):
        results = write_results(page.answers)
        st.download_button(
            "Answers without names (CSV)", results, "class.csv", icon=":material/download:"
        )
        _offer_return(page)
        with st.popover("Close the class", icon=":material/door_front:"):
            st.write(
                "Deletes names, answers and photos, and the runs, versions, selections, exports "
                "and predictions that students made. Datasets of their photos stay. Nobody can "
                "join any more."
            )
            st.button("Close it", type="primary", key="desk.close", on_click=_close)


def _offer_return(page: DeskPage) -> None:
    """Draw what lets a student in again whose browser forgot who they are."""
    names = dict(zip(page.tiles["student"], page.tiles["name"], strict=True))
    with st.popover("Let in again", icon=":material/login:", disabled=not names):
        st.write("Whoever comes next with this name and the code is this student.")
        student = pick_named("Student", tell_apart(names), key="desk.again")
        again = partial(let_in_again, cache.workspace(), page.classroom.id, student)
        st.button("Let them in", key="desk.let_in", on_click=again)


def _close() -> None:
    gone = close_class(cache.workspace(), find_class())
    said = ", ".join(count(number, kind) for kind, number in gone.items() if kind)
    st.toast(f"Closed. Deleted: {said or 'nothing'}.", icon=":material/door_front:")


def _show_collecting(page: DeskPage) -> None:
    """Draw what photos the class is asked for, and what makes them a dataset."""
    asks = page.classroom.asks
    with st.expander("Photos from phones", icon=":material/add_a_photo:", expanded=bool(asks)):
        with st.form("desk.asks", border=False):
            names = st.text_input(
                "Classes to ask for, separated by commas",
                ", ".join(asks),
                placeholder="mug, glass, plate",
                help=f"Students find it on Predict; each may give {MOST_HANDED}. Photos are made "
                "smaller and lose place and time. No class: no more are taken.",
            )
            if st.form_submit_button("Ask for photos"):
                with report_errors():
                    wanted = [name for name in names.split(",") if name.strip()]
                    ask_photos(cache.workspace(), page.classroom.id, wanted)
                    st.rerun()
        st.fragment(run_every=_LOOK_EVERY)(_show_handed)(page.classroom.id)


def _show_handed(class_id: str) -> None:
    """Draw how many photos came, the ways to divide them, and what became of the last dataset."""
    with report_errors():
        workspace = cache.workspace()
        handed = list_handed(workspace, class_id)
        if handed.empty:
            return
        by_class = handed["class"].value_counts()
        of = ", ".join(f"{plain(str(name), 40)} {n}" for name, n in by_class.items())
        people = count(handed["student"].nunique(), "student")
        st.markdown(f"**{count(len(handed), 'photo')}** from {people}: {of}")
        splits = divide_photos(handed, by_student=False).groupby(handed["student"]).agg(set)
        both = sum({"train", "validation"} <= split for split in splits)
        st.caption(
            f"Divided photo by photo, {both} of {people} have photos in train and in validation: "
            "what is recognised there may be their things and rooms. Divided student by student, "
            "nobody has. Make both, train on both, and compare their right answers."
        )
        with st.container(horizontal=True):
            for way, by_student in (("photo by photo", False), ("student by student", True)):
                if st.button(f"Make a dataset, {way}", key=f"desk.gather.{by_student}"):
                    made = gather_photos(workspace, class_id, by_student=by_student)
                    st.session_state[_IMPORT] = made
        if import_id := st.session_state.get(_IMPORT):
            _show_import(read_import(workspace, import_id))


def _show_import(status: ImportStatus) -> None:
    """Draw how far the dataset of the photos is, or the ways to it."""
    if status.dataset_id and status.report:
        said = f"“{plain(status.report.name)}”: {count(status.report.photos, 'photo')}"
        st.success(f"{said}. The owner of the workbench has it, too.", icon=":material/check:")
        with st.container(horizontal=True):
            for page in ("dataset", "training", "lesson"):
                link_page(page, f"Open it on {page.capitalize()}", dataset=status.dataset_id)
    elif status.state == "failed":
        show_problem(status.problem, status.remedy)
    else:
        show_job("Photos of the class", status, "photo")


def _show_links() -> None:
    """Draw the links that show one thing to whoever has them, and what makes another."""
    with st.expander("Read-only links", icon=":material/link:"):
        st.caption("Whoever has a link sees what it names, without a name, and changes nothing.")
        _offer_link()
        workspace, base = cache.workspace(), read_base()
        for link in list_links(workspace):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{plain(link.name, 80)}**", width="stretch")
                st.code(base + write_address(workspace, link), language=None, width=420)
                take_back = partial(take_back_link, workspace, link.id)
                st.button("Take back", key=f"desk.link.{link.id}", on_click=take_back)


def _offer_link() -> None:
    """Draw the choice of what a new link shows."""
    titles = {what: _LINKED[what] for what, pages in PAGES.items() if pages[0] in list_served()}
    datasets = {one.id: one.name for one in list_datasets(cache.workspace()) if not one.problem}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        what = pick_named("A link to", titles, key="desk.link.what", width=200)
        dataset = pick_named("Dataset", tell_apart(datasets), key="desk.link.dataset", width=280)
        runs, run = {one.id: one for one in list_done(dataset)} if dataset else {}, None
        if what == "run" and runs:
            run = pick_named("Run", name_runs(runs.values()), key="desk.link.run", width=360)
        if dataset is None or (what == "run" and run is None):
            st.caption("There is none yet." if dataset is None else "No run of it is finished yet.")
        elif st.button("Make the link", icon=":material/add_link:"):
            shown = [run] if run else _list_everybodys(dataset) if what == "lesson" else []
            name = f"{titles[what]}: {title_run(runs[run]) if run else datasets[dataset]}"
            make_link(cache.workspace(), what, name, dataset, shown)


def _list_everybodys(dataset_id: str) -> list[str]:
    """Return the finished runs of a dataset that are no student's."""
    anybody = replace(cache.workspace(), person=Person(id="anybody", role="student"))
    return [run.id for run in list_runs(anybody, dataset_id) if run.state == "done"]
