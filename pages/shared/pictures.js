// Each chart of the page as a file, with its title, the settings and the link in it.
const LINE = 18, SMALL = 13, EDGE = 12

const wrapped = (text, letters) => text.split(" ").reduce((lines, word) => {
  const longer = `${lines[lines.length - 1]} ${word}`.trim()
  return longer.length <= letters ? [...lines.slice(0, -1), longer] : [...lines, word]
}, [""]).filter(Boolean)

function picture(chart, data) {
  const make = (name, attributes, text = "") => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name)
    Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value))
    made.textContent = text
    return made
  }
  const { width, height } = chart.getBoundingClientRect(), look = getComputedStyle(document.querySelector(".stApp"))
  const head = chart.closest("[data-testid=stVerticalBlock]").querySelector("[data-testid=stHtml] strong")
  const under = head?.nextElementSibling?.textContent ?? "", letters = Math.max(20, width / 6.6)
  const above = [...wrapped(head?.textContent ?? data.title, letters * 0.8).map(text => [text, 600, 16]), ...wrapped(under, letters).map(text => [text, 400, SMALL])]
  const below = [data.said, location.href].flatMap(text => wrapped(text, letters)).map(text => [text, 400, SMALL])
  const tall = LINE * (above.length + below.length) + height + 3 * EDGE, wide = width + 2 * EDGE
  const svg = make("svg", { xmlns: "http://www.w3.org/2000/svg", width: wide, height: tall, viewBox: `0 0 ${wide} ${tall}`, "font-family": look.fontFamily, fill: look.color })
  svg.append(make("rect", { width: wide, height: tall, fill: look.backgroundColor }))
  const write = (lines, top) => lines.forEach(([text, weight, size], i) => svg.append(make("text", { x: EDGE, y: top + LINE * (i + 0.8), "font-weight": weight, "font-size": size }, text)))
  write(above, EDGE)
  const at = { x: EDGE, y: 1.5 * EDGE + LINE * above.length, width, height }
  if (chart.tagName === "CANVAS") svg.append(make("image", { ...at, href: chart.toDataURL() }))
  else {
    const copy = chart.cloneNode(true)
    Object.entries(at).forEach(([key, value]) => copy.setAttribute(key, value))
    svg.append(copy)
  }
  write(below, at.y + height + EDGE)
  return { text: new XMLSerializer().serializeToString(svg), wide, tall }
}

function save(href, name) {
  const link = Object.assign(document.createElement("a"), { href, download: name })
  document.body.append(link); link.click(); link.remove()
}

export default function ({ data, parentElement }) {
  const each = use => document.querySelectorAll("[data-testid=stVegaLiteChart] :is(svg, canvas).marks").forEach((chart, i) => {
    if (chart.checkVisibility()) use(picture(chart, data), `${data.name}_${i + 1}`)
  })
  const [svg, png] = parentElement.querySelectorAll("button")
  for (const button of [svg, png]) Object.assign(button.style, { font: "inherit", minHeight: "2.5rem", padding: "0.3em 1em", marginRight: "1em", cursor: "pointer" })
  const address = text => `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`
  svg.onclick = () => each(({ text }, name) => save(address(text), `${name}.svg`))
  png.onclick = () => each(({ text, wide, tall }, name) => {
    const image = new Image()
    image.onload = () => {
      const paper = Object.assign(document.createElement("canvas"), { width: 2 * wide, height: 2 * tall })
      paper.getContext("2d").drawImage(image, 0, 0, paper.width, paper.height)
      save(paper.toDataURL("image/png"), `${name}.png`)
    }
    image.src = address(text)
  })
}
