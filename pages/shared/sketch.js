// Points to drag up and down, one for each of a few layers, on a log axis. "Compare" sends their heights: nine whole numbers at the most.
const LEVELS = 1000, TALL = 240, LEFT = 52, RIGHT = 14, TOP = 12, BELOW = 40, STEP = 20   // px, but levels and the step of a key
const SVG = "http://www.w3.org/2000/svg", RAISED = { "-": "⁻" }
for (const [i, digit] of [..."⁰¹²³⁴⁵⁶⁷⁸⁹"].entries()) RAISED[i] = digit
const power = e => e ? "10" + String(e).replace(/./g, c => RAISED[c]) : "1"

export default function ({ data, parentElement, setStateValue }) {
  const { at, low, high, heights, curve, colour, said } = data
  const svg = parentElement.querySelector("svg"), [compare, again] = parentElement.querySelectorAll("button"), told = JSON.stringify(data)
  compare.onclick = () => setStateValue("heights", svg.heights)
  again.onclick = () => { svg.told = ""; setStateValue("heights", []) }
  const focused = [compare, again].includes(svg.getRootNode().activeElement)
  compare.hidden = !!curve
  again.hidden = !curve
  if (focused) (curve ? again : compare).focus()   // who presses a button by key goes on at the other one
  if (svg.told === told) return   // the page was drawn anew, and nothing here has changed
  const middle = Math.round(LEVELS * Math.min(1, Math.max(0, -low / (high - low))))
  if (heights.length || svg.heights?.length !== at.length || !svg.told) svg.heights = heights.length ? [...heights] : at.map(() => middle)
  svg.told = told

  const add = (name, look, text = "") => {
    const one = svg.appendChild(document.createElementNS(SVG, name))
    for (const [key, value] of Object.entries(look)) one.setAttribute(key, value)
    one.textContent = text
    return one
  }
  const last = curve ? curve.length : at[at.length - 1]
  const x = layer => LEFT + (svg.clientWidth - LEFT - RIGHT) * (layer - 1) / (last - 1)
  const y = height => TOP + (TALL - TOP - BELOW) * (1 - height / LEVELS)
  const level = exponent => LEVELS * (Math.min(high, Math.max(low, exponent)) - low) / (high - low)
  const value = height => power(Math.round(low + (high - low) * height / LEVELS))

  const draw = () => {
    svg.replaceChildren()
    const every = Math.ceil((high - low) / 6), words = { fill: "currentColor", "font-size": 13 }
    for (let e = low; e <= high; e++) {
      if (e % every) continue
      add("line", { x1: LEFT, x2: svg.clientWidth - RIGHT, y1: y(level(e)), y2: y(level(e)), stroke: "currentColor", opacity: 0.2 })
      add("text", { ...words, x: LEFT - 8, y: y(level(e)) + 4, "text-anchor": "end" }, power(e))
    }
    for (const layer of at) add("text", { ...words, x: x(layer), y: TALL - 22, "text-anchor": "middle" }, layer)
    add("text", { ...words, x: (LEFT + svg.clientWidth) / 2, y: TALL - 4, "text-anchor": "middle" }, "Layer l")
    const line = add("polyline", { fill: "none", stroke: "currentColor", "stroke-width": 2, "stroke-dasharray": "6 4" })
    const handles = at.map((layer, i) => add("circle", {
      r: 8, fill: "currentColor", cx: x(layer), tabindex: curve ? -1 : 0, role: "slider", "aria-orientation": "vertical", "aria-label": `Layer ${layer}`,
      "aria-valuemin": 0, "aria-valuemax": LEVELS }))
    const move = (i, height) => {
      svg.heights[i] = Math.round(Math.min(LEVELS, Math.max(0, height)))
      handles.forEach((one, j) => {
        const h = svg.heights[j]
        one.setAttribute("cy", y(h)); one.setAttribute("aria-valuenow", h); one.setAttribute("aria-valuetext", `about ${value(h)}`)
      })
      line.setAttribute("points", at.map((layer, j) => `${x(layer)},${y(svg.heights[j])}`).join(" "))
    }
    move(0, svg.heights[0])
    const colours = getComputedStyle(svg).getPropertyValue("--st-chart-categorical-colors").split(",")
    curve?.forEach((exponent, i) => exponent !== null && add("circle", { r: 4, fill: colours[colour] || "currentColor", cx: x(i + 1), cy: y(level(exponent)) }))

    const drag = event => {
      const box = svg.getBoundingClientRect(), near = at.map(layer => Math.abs(x(layer) - event.clientX + box.left))
      move(near.indexOf(Math.min(...near)), LEVELS * (1 - (event.clientY - box.top - TOP) / (TALL - TOP - BELOW)))
    }
    svg.onpointerdown = event => { if (!curve) { svg.setPointerCapture(event.pointerId); svg.held = true; drag(event) } }
    svg.onpointermove = event => { if (svg.held) drag(event) }
    svg.onpointerup = svg.onpointercancel = () => { svg.held = false }
    svg.onkeydown = event => {
      const i = handles.indexOf(event.target), by = { ArrowUp: STEP, ArrowDown: -STEP, Home: -LEVELS, End: LEVELS }[event.key]
      const to = { ArrowLeft: -1, ArrowRight: 1 }[event.key]
      if (i < 0 || curve || !(by || to)) return
      event.preventDefault(); event.stopPropagation()
      if (by) move(i, svg.heights[i] + by)
      else handles[i + to]?.focus()
    }
  }
  svg.setAttribute("aria-label", said)
  svg.watch?.disconnect()
  svg.watch = new ResizeObserver(draw)   // it also calls at once, and when a fold that holds it is opened
  svg.watch.observe(svg)
}
