// The drawing of the grid: names that stay in sight, cells on a canvas, frames around what is meant.
// It is read before grid.js, in one module with it. Text is only ever set as text.

const LEAST_FIT = 10; // a name can be read beside a row of 10 pixels
const LEAST_FOR_FINGERS = 20;
const LARGEST_FIT = 58;
const NAMES_FROM = 9;
const MOST_PIXELS = 4096;
const FOOT = 56; // pixels below the cells: what is said of one, and the edge of the card
const MOST_WHOLE = 30; // rows that are all in sight at once

class Drawing {
  constructor(parent) {
    this.root = make("div", "petal-grid");
    this.legends = make("div", "petal-grid-legends");
    this.field = make("div", "petal-grid-field");
    this.field.tabIndex = 0;
    this.field.setAttribute("role", "application");
    this.sheet = make("div", "petal-grid-sheet");
    this.corner = make("div", "petal-grid-corner");
    this.corner.append(make("span", "", "predicted →"), make("span", "", "true ↓"));
    this.across = make("div", "petal-grid-across");
    this.down = make("div", "petal-grid-down");
    this.canvas = make("canvas");
    this.sheet.append(this.corner, this.across, this.down, this.canvas);
    this.field.append(this.sheet);
    this.said = make("div", "petal-grid-said");
    this.said.setAttribute("role", "status");
    this.link = make("button", "petal-grid-link", "Go to its photos");
    this.link.type = "button";
    this.link.hidden = true;
    this.link.addEventListener("click", goToPhotos);
    const foot = make("div", "petal-grid-foot");
    foot.append(this.said, this.link);
    this.tip = make("div", "petal-grid-tip");
    this.tip.hidden = true;
    this.root.append(this.legends, this.field, foot, this.tip);
    this.at = { row: 0, column: 0 };
    parent.appendChild(this.root);
    this.watch = new ResizeObserver(() => this.settle());
    this.watch.observe(this.root);
  }

  // The side of a cell at which all is in sight, but never too small for a name to be read.
  measured() {
    const wide = Math.floor((this.root.clientWidth - this.nameWidth() - 4) / this.data.columns.length);
    const high = Math.floor((this.roomBelow() - this.headHeight()) / this.data.rows.length);
    const whole = this.data.rows.length <= MOST_WHOLE;
    const fits = whole ? Math.min(wide, Math.max(high, LEAST_FIT)) : wide;
    const least = matchMedia("(pointer: coarse)").matches ? LEAST_FOR_FINGERS : LEAST_FIT;
    return Math.max(least, Math.min(LARGEST_FIT, fits));
  }

  // The pixels between the field and the lower end of the window, where the page is not scrolled.
  roomBelow() {
    const main = this.root.closest("[data-testid=stMain]");
    const top = this.field.getBoundingClientRect().top + (main?.scrollTop ?? 0);
    return window.innerHeight - top - FOOT;
  }

  headHeight() {
    return Math.max(40, Math.min(104, this.longest(this.data.columns) + 14));
  }

  nameWidth() {
    const most = this.root.clientWidth < 500 ? 92 : 150;
    return Math.min(most, Math.max(56, 14 + this.longest(this.data.rows)));
  }

  longest(names) {
    const pen = this.canvas.getContext("2d");
    pen.font = `12px ${getComputedStyle(this.root).fontFamily}`;
    return Math.max(...names.map((name) => pen.measureText(name).width));
  }

  draw() {
    if (!this.root.clientWidth) return; // not laid out yet: the observer calls again
    this.drawn = this.measured();
    const { rows, columns } = this.data;
    this.cell = Math.min(this.drawn, Math.floor(MOST_PIXELS / Math.max(rows.length, columns.length)));
    const upright = this.longest(columns) + 8 > this.cell;
    const style = this.root.style;
    style.setProperty("--cell", `${this.cell}px`);
    style.setProperty("--names", `${this.nameWidth()}px`);
    style.setProperty("--heads", `${upright ? this.headHeight() : 40}px`);
    style.setProperty("--name-size", `${Math.min(12.5, Math.max(9.5, this.cell - 0.5))}px`);
    this.root.classList.toggle("petal-grid-upright", upright);
    this.root.classList.toggle("petal-grid-nameless", this.cell < NAMES_FROM);
    this.drawNames(this.across, columns, "column");
    this.drawNames(this.down, rows, "row");
    const sharp = this.cell * Math.max(rows.length, columns.length) > 2400 ? 1 : 2;
    this.scale = Math.min(sharp, Math.max(1, window.devicePixelRatio || 1));
    this.canvas.width = columns.length * this.cell * this.scale;
    this.canvas.height = rows.length * this.cell * this.scale;
    this.canvas.style.width = `${columns.length * this.cell}px`;
    this.canvas.style.height = `${rows.length * this.cell}px`;
    this.paint();
  }

  drawNames(place, names, kind) {
    const made = names.map((name, number) => {
      const element = make("div", "petal-grid-name");
      element.append(make("span", "", name));
      element.title = name;
      element.setAttribute("role", "button");
      element.setAttribute("aria-label", kind === "row" ? `true ${name}` : `predicted ${name}`);
      element.dataset[kind] = number;
      return element;
    });
    place.replaceChildren(...made);
  }

  paint() {
    if (!this.cell) return;
    const pen = this.canvas.getContext("2d");
    const { rows, columns, ground, paper, colours } = this.data;
    pen.setTransform(this.scale, 0, 0, this.scale, 0, 0);
    pen.fillStyle = ground;
    pen.fillRect(0, 0, columns.length * this.cell, rows.length * this.cell);
    const gap = this.cell > 7 ? 1 : this.cell > 3 ? 0.5 : 0;
    const dot = Math.max(3, this.cell - gap); // a cell of one pixel is to be seen, too
    pen.fillStyle = paper;
    for (let row = 1; gap && row < rows.length; row++) pen.fillRect(0, row * this.cell - gap / 2, this.canvas.width, gap);
    for (let column = 1; gap && column < columns.length; column++) pen.fillRect(column * this.cell - gap / 2, 0, gap, this.canvas.height);
    const size = Math.min(14, Math.max(10, this.cell * 0.32));
    pen.font = `${size}px ${getComputedStyle(this.root).fontFamily}`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    for (const [place, number] of this.cells) {
      const [x, y] = this.cornerOf(Math.floor(place / columns.length), place % columns.length);
      pen.fillStyle = colours[this.data.fills[number]];
      pen.fillRect(x + (this.cell - dot) / 2, y + (this.cell - dot) / 2, dot, dot);
      const text = this.data.texts[number];
      if (this.cell < 19 || pen.measureText(text).width > this.cell - 4) continue;
      pen.fillStyle = colours[this.data.inks[number]];
      pen.fillText(text, x + this.cell / 2, y + this.cell / 2 + 1);
    }
    this.paintMarks(pen);
  }

  paintMarks(pen) {
    const { accent, ink } = this.data;
    this.frame(pen, this.chosen.row, this.chosen.column, ink, 2.5);
    const focused = document.activeElement === this.field;
    if (focused) this.frame(pen, this.at.row, this.at.column, accent, 2.5);
    if (this.area) this.frameArea(pen, this.area, ink);
    for (const element of this.root.querySelectorAll(".petal-grid-name")) {
      const { row, column } = element.dataset;
      const near = this.hovered || (focused ? this.at : this.chosen);
      const here = Number(row ?? -2) === near.row || Number(column ?? -2) === near.column;
      element.classList.toggle("petal-grid-here", here);
    }
  }

  // A frame around a cell; around a whole row or column where the other is -1.
  frame(pen, row, column, colour, width) {
    if (row < 0 && column < 0) return;
    const { rows, columns } = this.data;
    const area = {
      top: row < 0 ? 0 : row,
      bottom: row < 0 ? rows.length - 1 : row,
      left: column < 0 ? 0 : column,
      right: column < 0 ? columns.length - 1 : column,
    };
    this.frameArea(pen, area, colour, width);
  }

  frameArea(pen, area, colour, width = 2) {
    const { rows, columns, paper } = this.data;
    const [x, y] = this.cornerOf(area.top, area.left);
    const [right, bottom] = this.cornerOf(area.bottom + 1, area.right + 1);
    // In small cells the frame lies around them, so that their colour stays to be seen.
    const out = this.cell < 16 ? -0.5 : 1;
    const [left, top] = [Math.max(1, x + out), Math.max(1, y + out)];
    const [wide, high] = [columns.length * this.cell - 1, rows.length * this.cell - 1];
    const size = [Math.min(wide, right - out) - left, Math.min(high, bottom - out) - top];
    for (const [stroke, line] of [[paper, this.cell < 16 ? width + 1 : width + 2], [colour, width]]) {
      pen.strokeStyle = stroke;
      pen.lineWidth = line;
      pen.strokeRect(left, top, ...size);
    }
  }

  cornerOf(row, column) {
    return [column * this.cell, row * this.cell];
  }

  // The place of what is chosen; a cell of which only the row or the column is drawn has none.
  findChosen() {
    const { chosen, row_numbers, column_numbers } = this.data;
    const row = row_numbers.indexOf(chosen.true);
    const column = column_numbers.indexOf(chosen.predicted);
    const hidden = (row < 0 && chosen.true !== null) || (column < 0 && chosen.predicted !== null);
    return hidden ? { row: -1, column: -1 } : { row, column };
  }

  // Scrolls a cell into sight, free of the names that lie over the field.
  reveal(row, column) {
    const [x, y] = this.cornerOf(Math.max(0, row), Math.max(0, column));
    const { field } = this;
    const width = field.clientWidth - this.down.offsetWidth - this.cell;
    const height = field.clientHeight - this.across.offsetHeight - this.cell;
    if (column >= 0) field.scrollLeft = Math.min(x, Math.max(field.scrollLeft, x - width));
    if (row >= 0) field.scrollTop = Math.min(y, Math.max(field.scrollTop, y - height));
  }

  describe(row, column) {
    const { rows, columns, said, empty } = this.data;
    if (row < 0) return `All photos predicted as ${columns[column]}`;
    if (column < 0) return `All photos of ${rows[row]}`;
    const number = this.cells.get(row * columns.length + column);
    return number === undefined ? `true ${rows[row]}, predicted ${columns[column]}: ${empty}` : said[number];
  }

  // Called whenever there is more or less room.
  settle() {
    if (this.data && this.measured() !== this.drawn) this.draw();
  }

  addLegends() {
    this.legends.replaceChildren(...this.data.legends.map(drawLegend));
  }
}

const findPhotos = () => document.querySelector(".st-key-confusion_photos");

function arePhotosBeside(root) {
  const photos = findPhotos();
  return photos && photos.getBoundingClientRect().left > root.getBoundingClientRect().right;
}

function goToPhotos() {
  findPhotos()?.scrollIntoView({ behavior: "smooth", block: "start" });
}

function drawLegend({ title, colours, low, high }) {
  const legend = make("div", "petal-grid-legend");
  const bar = make("span", "petal-grid-ramp");
  bar.style.background = `linear-gradient(to right, ${colours.join(", ")})`;
  legend.append(make("span", "", title), make("span", "", low), bar, make("span", "", high));
  return legend;
}

function make(tag, name, text) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text !== undefined) element.textContent = text;
  return element;
}
