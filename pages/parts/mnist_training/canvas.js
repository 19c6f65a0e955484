// A square to draw on. After each stroke the server gets its ink: SIDE × SIDE bytes, 255 black, in base64.
const SIDE = 84, kept = new WeakMap()

export default function ({ data, parentElement, setStateValue }) {
  const canvas = parentElement.querySelector("canvas"), paper = canvas.getContext("2d", { willReadFrequently: true })
  const wipe = () => { paper.fillStyle = "#fff"; paper.fillRect(0, 0, SIDE, SIDE) }
  const send = () => {
    const { data: rgba } = paper.getImageData(0, 0, SIDE, SIDE)
    let ink = ""
    for (let i = 0; i < rgba.length; i += 4) ink += String.fromCharCode(255 - rgba[i])
    setStateValue("ink", btoa(ink))
  }
  if (kept.get(parentElement) !== canvas) {   // drawn for the first time, or come back to: show what the server has
    kept.set(parentElement, canvas)
    Object.assign(canvas.style, { width: "252px", height: "252px", border: "1px solid #8a919b", borderRadius: "6px", touchAction: "none", cursor: "crosshair" })
    Object.assign(parentElement.querySelector("button").style, { font: "inherit", padding: "0.3em 1em", marginTop: "0.4em", cursor: "pointer" })
    wipe()
    if (data.ink) {
      const image = paper.createImageData(SIDE, SIDE), ink = atob(data.ink)
      for (let i = 0; i < ink.length; i++) image.data.set([255 - ink.charCodeAt(i), 255 - ink.charCodeAt(i), 255 - ink.charCodeAt(i), 255], 4 * i)
      paper.putImageData(image, 0, 0)
    }
  }
  const place = event => {
    const box = canvas.getBoundingClientRect()
    return [(event.clientX - box.left) * SIDE / box.width, (event.clientY - box.top) * SIDE / box.height]
  }
  const line = event => {
    const to = place(event)
    Object.assign(paper, { lineWidth: 9, lineCap: "round", strokeStyle: "#000" })
    paper.beginPath(); paper.moveTo(...canvas.at); paper.lineTo(...to); paper.stroke()
    canvas.at = to   // on the element: the page may be drawn anew in the middle of a stroke
  }
  canvas.onpointerdown = event => { canvas.at = place(event); canvas.setPointerCapture(event.pointerId); line(event) }
  canvas.onpointermove = event => { if (canvas.at) line(event) }
  canvas.onpointerup = canvas.onpointercancel = () => { if (canvas.at) { canvas.at = null; send() } }
  parentElement.querySelector("button").onclick = () => { wipe(); setStateValue("ink", "") }
}
