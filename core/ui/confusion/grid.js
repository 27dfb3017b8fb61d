// The grid of a confusion matrix: draws the packed matrix, answers to mouse, finger and keys,
// and reports choices and zooms to Python.

const grids = new WeakMap();

export default function (component) {
  const { parentElement, data } = component;
  if (!grids.has(parentElement)) grids.set(parentElement, new Grid(parentElement));
  const grid = grids.get(parentElement);
  grid.component = component;
  grid.show(data);
  return () => {
    grid.close();
    grids.delete(parentElement);
  };
}

class Grid extends Drawing {
  constructor(parent) {
    super(parent);
    this.listen();
  }

  listen() {
    this.field.addEventListener("keydown", (event) => this.press(event));
    this.field.addEventListener("focus", () => this.tell());
    this.field.addEventListener("blur", () => this.paint());
    this.canvas.addEventListener("pointerdown", (event) => this.begin(event));
    this.canvas.addEventListener("pointermove", (event) => this.move(event));
    this.canvas.addEventListener("pointerup", (event) => this.end(event));
    this.canvas.addEventListener("pointercancel", () => this.forgetArea());
    this.canvas.addEventListener("pointerleave", () => this.hover(null));
    this.sheet.addEventListener("click", (event) => this.chooseName(event));
  }

  show(data) {
    const order = JSON.stringify([data.row_numbers, data.column_numbers]);
    const wanted = JSON.stringify(data.chosen);
    const moved = order !== this.order || wanted !== this.wanted;
    [this.order, this.wanted, this.data] = [order, wanted, data];
    this.cells = new Map(data.places.map((place, number) => [place, number]));
    this.field.setAttribute("aria-label", data.label);
    this.addLegends();
    this.area = null;
    const { row, column } = this.findChosen();
    this.chosen = { row, column };
    if (moved && (row >= 0 || column >= 0)) this.at = { row, column };
    this.at.row = Math.min(this.at.row, data.rows.length - 1);
    this.at.column = Math.min(this.at.column, data.columns.length - 1);
    const chosen = row >= 0 || column >= 0;
    this.link.hidden = !chosen || arePhotosBeside(this.root);
    this.draw();
    if (!moved || !chosen) return;
    this.said.textContent = this.describe(row, column);
    this.reveal(row, column);
  }

  press(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return; // those are the browser's
    const area = this.area;
    if (event.key === "Enter" || event.key === " ") {
      if (area) this.zoom();
      else this.choose(this.at.row, this.at.column);
    } else if (event.key === "Escape" && area) this.forgetArea();
    else if (event.key === "n" || event.key === "p") this.jump(event.key === "n" ? 1 : -1);
    else if (!this.step(event)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  step(event) {
    const { rows, columns } = this.data;
    const ways = {
      ArrowRight: [0, 1],
      ArrowLeft: [0, -1],
      ArrowDown: [1, 0],
      ArrowUp: [-1, 0],
      PageDown: [10, 0],
      PageUp: [-10, 0],
      Home: [0, -columns.length],
      End: [0, columns.length],
    };
    const way = ways[event.key];
    if (!way || event.ctrlKey || event.metaKey) return false;
    const before = this.at;
    // One step before the first cell lies the name: there a whole row or column is meant.
    const first = event.shiftKey || event.key.startsWith("Page") || event.key === "Home" ? 0 : -1;
    const row = bound(before.row + way[0], before.column < 0 ? 0 : first, rows.length - 1);
    const column = bound(before.column + way[1], before.row < 0 ? 0 : first, columns.length - 1);
    this.at = { row, column };
    if (event.shiftKey) this.extend(before);
    else this.area = null;
    this.reveal(row, column);
    this.tell();
    return true;
  }

  // Goes to the next or previous cell that holds an error.
  jump(by) {
    const { rows, columns, row_numbers, column_numbers } = this.data;
    const all = rows.length * columns.length;
    const here = Math.max(0, this.at.row) * columns.length + Math.max(0, this.at.column);
    for (let step = 1; step <= all; step++) {
      const place = (((here + by * step) % all) + all) % all;
      const [row, column] = [Math.floor(place / columns.length), place % columns.length];
      if (row_numbers[row] === column_numbers[column] || !this.cells.has(place)) continue;
      this.at = { row, column };
      this.reveal(row, column);
      this.tell();
      return;
    }
  }

  extend(before) {
    const from = this.anchor && this.area ? this.anchor : before;
    this.anchor = { row: Math.max(0, from.row), column: Math.max(0, from.column) };
    this.area = span(this.anchor, this.at);
  }

  begin(event) {
    if (event.button !== 0) return;
    this.anchor = this.cellAt(event);
    this.dragging = event.pointerType === "mouse";
    this.area = null;
    if (this.dragging) this.canvas.setPointerCapture(event.pointerId);
  }

  move(event) {
    const cell = this.cellAt(event);
    if (this.dragging && (cell.row !== this.anchor.row || cell.column !== this.anchor.column || this.area)) {
      this.area = span(this.anchor, cell);
      this.hover(null);
    } else this.hover(cell, event);
  }

  end(event) {
    const cell = this.cellAt(event);
    const same = this.anchor && cell.row === this.anchor.row && cell.column === this.anchor.column;
    this.dragging = false;
    if (this.area && !same) this.zoom();
    else if (same) {
      this.area = null;
      this.at = cell;
      this.choose(cell.row, cell.column);
    }
  }

  forgetArea() {
    this.area = null;
    this.dragging = false;
    this.tell();
  }

  cellAt(event) {
    const box = this.canvas.getBoundingClientRect();
    const { rows, columns } = this.data;
    return {
      row: bound(Math.floor((event.clientY - box.top) / this.cell), 0, rows.length - 1),
      column: bound(Math.floor((event.clientX - box.left) / this.cell), 0, columns.length - 1),
    };
  }

  hover(cell, event) {
    this.hovered = cell;
    this.tip.hidden = !cell;
    if (cell) {
      this.tip.textContent = this.describe(cell.row, cell.column);
      const box = this.root.getBoundingClientRect();
      const [x, y] = [event.clientX - box.left, event.clientY - box.top];
      const left = x + 16 + this.tip.offsetWidth > box.width ? x - 12 - this.tip.offsetWidth : x + 16;
      this.tip.style.transform = `translate(${Math.max(0, left)}px, ${y + 18}px)`;
    }
    this.paint();
  }

  // Says where the keys stand, for eyes and for screen readers.
  tell() {
    const { area } = this;
    this.said.textContent = area
      ? `${area.bottom - area.top + 1} × ${area.right - area.left + 1} cells: Enter zooms in on them`
      : this.describe(this.at.row, this.at.column);
    this.paint();
  }

  chooseName(event) {
    const name = event.target.closest(".petal-grid-name");
    if (!name) return;
    const { row, column } = name.dataset;
    this.choose(row === undefined ? -1 : Number(row), column === undefined ? -1 : Number(column));
  }

  choose(row, column) {
    if (row < 0 && column < 0) return;
    this.chosen = { row, column };
    this.tell();
    this.component.setTriggerValue("chosen", {
      true: row < 0 ? null : this.data.row_numbers[row],
      predicted: column < 0 ? null : this.data.column_numbers[column],
    });
  }

  zoom() {
    const { top, bottom, left, right } = this.area;
    this.area = null;
    this.component.setTriggerValue("zoomed", { rows: [top, bottom], columns: [left, right] });
  }

  close() {
    this.watch.disconnect();
    this.root.remove();
  }
}

function span(one, other) {
  return {
    top: Math.min(one.row, other.row),
    bottom: Math.max(one.row, other.row),
    left: Math.min(one.column, other.column),
    right: Math.max(one.column, other.column),
  };
}

function bound(number, least, most) {
  return Math.min(most, Math.max(least, number));
}
