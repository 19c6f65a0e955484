// Opens a kept network: the visitor's browser reads the file, and its bytes travel once, in base64.
const MOST_BYTES = 4e6

export default function ({ parentElement, setTriggerValue }) {
  const file = parentElement.querySelector("input"), status = parentElement.querySelector("p")
  file.onchange = async () => {
    const chosen = file.files[0]
    if (!chosen) return
    if (chosen.size > MOST_BYTES) { status.textContent = "This file has more than 4 MB. It is no network of this page."; return }
    const bytes = new Uint8Array(await chosen.arrayBuffer())
    let text = ""
    for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192))
    status.textContent = ""
    file.value = ""
    setTriggerValue("file", btoa(text))
  }
}
