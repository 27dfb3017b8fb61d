// The photo under the pointer on a Plotly chart whose points have photo numbers as customdata. The
// page is asked for it when it is first pointed at, and sends those that lie near with it.

const ASK_AFTER_MS = 60;
const ZOOMED_AFTER_MS = 350; // a wheel turns many times
const MOST = 1500; // pictures that are kept
const charts = new WeakMap();

export default function (component) {
  const { parentElement, data } = component;
  if (!charts.has(parentElement)) charts.set(parentElement, new Hover(parentElement));
  const hover = charts.get(parentElement);
  hover.component = component;
  hover.take(data);
  return () => {
    hover.close();
    charts.delete(parentElement);
  };
}

class Hover {
  constructor(parent) {
    this.pictures = new Map();
    this.pointed = null;
    this.frame = document.createElement("div");
    this.frame.className = "petal-hover";
    this.picture = document.createElement("img");
    this.picture.alt = "";
    this.frame.append(this.picture);
    document.body.append(this.frame);
    this.onHover = (told) => this.point(told);
    this.onLeave = () => this.leave();
    this.onZoom = (told) => this.zoom(told);
    this.attach = (event) => {
      const chart = event.target.closest?.(".js-plotly-plot");
      if (!chart?.on) return;
      // A chart that was drawn anew has lost who listened.
      chart.removeListener("plotly_hover", this.onHover);
      chart.removeListener("plotly_unhover", this.onLeave);
      chart.removeListener("plotly_relayout", this.onZoom);
      chart.on("plotly_hover", this.onHover);
      chart.on("plotly_unhover", this.onLeave);
      chart.on("plotly_relayout", this.onZoom);
    };
    this.place = parent.closest("[class*=st-key-pointed-]") ?? document.body;
    this.place.addEventListener("pointerover", this.attach);
    this.place.addEventListener("pointerleave", this.onLeave);
  }

  take(data) {
    if (data.dataset !== this.dataset) this.pictures.clear();
    this.dataset = data.dataset;
    this.zooms = data.zooms;
    for (const [photo, url] of Object.entries(data.pictures)) this.pictures.set(Number(photo), url);
    for (const photo of this.pictures.keys()) {
      if (this.pictures.size <= MOST) break;
      this.pictures.delete(photo);
    }
    this.show();
  }

  point(told) {
    const photo = told.points[0]?.customdata;
    if (photo === undefined) return;
    this.pointed = Number(photo);
    this.x = told.event.clientX;
    this.y = told.event.clientY;
    clearTimeout(this.timer);
    if (!this.pictures.has(this.pointed)) {
      this.timer = setTimeout(() => {
        this.component.setTriggerValue("pointed", this.pointed);
      }, ASK_AFTER_MS);
    }
    this.show();
  }

  zoom(told) {
    const ends = ["x", "y"].flatMap((axis) => [0, 1].map((end) => told[`${axis}axis.range[${end}]`]));
    const isWhole = told["xaxis.autorange"] === true;
    if (!this.zooms || (!isWhole && !ends.every(Number.isFinite))) return;
    clearTimeout(this.zooming);
    this.zooming = setTimeout(() => {
      this.component.setTriggerValue("window", isWhole ? [] : ends);
    }, ZOOMED_AFTER_MS);
  }

  leave() {
    clearTimeout(this.timer);
    this.pointed = null;
    this.show();
  }

  show() {
    const url = this.pictures.get(this.pointed);
    this.frame.classList.toggle("petal-shown", url !== undefined);
    if (url === undefined) return;
    if (this.picture.src !== url) this.picture.src = url;
    const above = this.y > 170;
    this.frame.style.left = `${Math.min(Math.max(this.x, 72), window.innerWidth - 72)}px`;
    this.frame.style.top = `${above ? this.y - 30 : this.y + 30}px`;
    this.frame.style.transform = `translate(-50%, ${above ? "-100%" : "0"})`;
  }

  close() {
    clearTimeout(this.timer);
    this.place.removeEventListener("pointerover", this.attach);
    this.place.removeEventListener("pointerleave", this.onLeave);
    this.frame.remove();
  }
}
