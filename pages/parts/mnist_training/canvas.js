// A square to draw on, or to open a picture with. After each stroke the server gets how dark it is: SIDE × SIDE bytes, 255 black, in base64.
const SIDE = 84, MOST_BYTES = 10e6, MOST_PIXELS = 50e6, kept = new WeakMap()

export default function ({ data, parentElement, setStateValue }) {
  const find = what => parentElement.querySelector(what)
  const canvas = find("canvas"), button = find("button"), file = find("input"), status = find("p")
  const paper = canvas.getContext("2d", { willReadFrequently: true })
  const wipe = () => { paper.fillStyle = "#fff"; paper.fillRect(0, 0, SIDE, SIDE) }
  const send = () => {
    const { data: rgba } = paper.getImageData(0, 0, SIDE, SIDE)
    let dark = ""
    for (let i = 0; i < rgba.length; i += 4) dark += String.fromCharCode(255 - Math.round(0.3 * rgba[i] + 0.59 * rgba[i + 1] + 0.11 * rgba[i + 2]))
    status.textContent = ""
    setStateValue("ink", btoa(dark))
  }
  if (kept.get(parentElement) !== canvas) {   // drawn for the first time, or come back to: show what the server has
    kept.set(parentElement, canvas)
    Object.assign(canvas.style, { width: "252px", height: "252px", border: "1px solid #8a919b", borderRadius: "6px", touchAction: "none", cursor: "crosshair" })
    Object.assign(button.style, { font: "inherit", padding: "0.3em 1em", marginRight: "1em", cursor: "pointer" })
    wipe()
    if (data.ink) {
      const image = paper.createImageData(SIDE, SIDE), dark = atob(data.ink)
      for (let i = 0; i < SIDE * SIDE; i++) image.data.set([0, 0, 0].fill(255 - dark.charCodeAt(i)).concat(255), 4 * i)
      paper.putImageData(image, 0, 0)
    }
  }

  const place = event => {
    const box = canvas.getBoundingClientRect()
    return [(event.clientX - box.left) * SIDE / box.width, (event.clientY - box.top) * SIDE / box.height]
  }
  const line = event => {
    const to = place(event)
    Object.assign(paper, { lineWidth: 11, lineCap: "round", strokeStyle: "#000" })
    paper.beginPath(); paper.moveTo(...canvas.at); paper.lineTo(...to); paper.stroke()
    canvas.at = to   // on the element: the page may be drawn anew in the middle of a stroke
  }
  canvas.onpointerdown = event => { canvas.at = place(event); canvas.setPointerCapture(event.pointerId); line(event) }
  canvas.onpointermove = event => { if (canvas.at) line(event) }
  canvas.onpointerup = canvas.onpointercancel = () => { if (canvas.at) { canvas.at = null; send() } }
  button.onclick = () => { wipe(); file.value = ""; status.textContent = ""; setStateValue("ink", "") }

  file.onchange = async () => {
    const picture = file.files[0]
    if (!picture) return
    if (picture.size > MOST_BYTES) { status.textContent = "This file has more than 10 MB. A smaller picture will do."; return }
    let bitmap
    try {
      bitmap = await createImageBitmap(picture)
    } catch {
      status.textContent = "Your browser cannot read this file as a picture."
      return
    }
    const { width, height } = bitmap, scale = SIDE / Math.max(width, height)
    if (width * height > MOST_PIXELS) { status.textContent = "This picture has more than 50 million pixels. A smaller one will do."; return }
    wipe()
    paper.imageSmoothingQuality = "high"
    paper.drawImage(bitmap, 0, 0, 1, 1, 0, 0, SIDE, SIDE)   // its first pixel is taken for its paper, beyond its edges
    paper.drawImage(bitmap, (SIDE - width * scale) / 2, (SIDE - height * scale) / 2, width * scale, height * scale)
    bitmap.close()
    send()
  }
}
