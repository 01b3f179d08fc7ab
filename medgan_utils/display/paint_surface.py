"""A picture that says where it was touched: with the mouse, a finger, or the keyboard."""

import ipywidgets as widgets
import traitlets

try:
    import anywidget
except ImportError:  # it comes with the extra `lab`
    anywidget = None

_SCRIPT = """
function render({ model, el }) {
  const image = document.createElement("img");
  image.tabIndex = 0;
  image.draggable = false;
  image.setAttribute("role", "application");
  image.style.cssText = "cursor:crosshair;touch-action:none;image-rendering:pixelated;" +
    `width:${model.get("size")}px;max-width:none`;
  const show = () => { image.src = model.get("source"); };
  const name = model.get("alternative");
  image.alt = image.title = name;
  image.setAttribute("aria-label", name);
  let count = 0, last = "";
  const say = (kind, ...values) => {
    model.set("event", [kind, ++count, ...values]);
    model.save_changes();
  };
  const touch = (event, first) => {
    const box = image.getBoundingClientRect();
    const [rows, columns] = model.get("grid");
    const row = Math.floor((event.clientY - box.top) / box.height * rows);
    const column = Math.floor((event.clientX - box.left) / box.width * columns);
    if (!first && last === `${row} ${column}`) return;  // still in the same pixel
    last = `${row} ${column}`;
    say("touch", row, column, first ? 1 : 0);
  };
  image.addEventListener("pointerdown", event => {
    event.preventDefault();
    image.focus();
    image.setPointerCapture(event.pointerId);
    touch(event, true);
  });
  image.addEventListener("pointermove", event => { if (event.buttons) touch(event, false); });
  const known = ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "+", "-", " "];
  const press = event => {
    if (event.target !== image || event.ctrlKey || event.metaKey) return;
    if (!known.includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();  // or the notebook would move to another cell
    say("key", event.key);
  };
  window.addEventListener("keydown", press, true);  // Notebook 7 listens before the picture would
  model.on("change:source", show);
  show();
  el.appendChild(image);
  return () => window.removeEventListener("keydown", press, true);
}
export default { render };
"""


def can_be_touched() -> bool:
    """Return whether a surface works here: with anywidget, and not in ipywidgets 7 (Colab)."""
    return anywidget is not None and int(widgets.__version__.split(".")[0]) >= 8


if anywidget is not None:

    class TouchSurface(anywidget.AnyWidget):
        """A picture of fixed size, `size` screen pixels wide, that reports what is done on it.

        Attributes:
            source: The picture, as a data address.
            alternative: What it shows and which keys it knows, for those who do not see it.
            size: Screen pixels across.
            grid: Rows and columns that the picture is counted in.
            event: `["touch", n, row, column, 1 at its start]`, or `["key", n, name]` with an arrow,
                "+", "-" or the space bar; n counts, so that the same event twice is two.
        """

        _esm = _SCRIPT
        source = traitlets.Unicode("").tag(sync=True)
        alternative = traitlets.Unicode("").tag(sync=True)
        size = traitlets.Int(288).tag(sync=True)
        grid = traitlets.List([64, 64]).tag(sync=True)
        event = traitlets.List([]).tag(sync=True)
