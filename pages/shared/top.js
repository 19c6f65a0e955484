// Another part, or an experiment, begins at the top of the page. The server counts them: this code may load after one was drawn.
export default function ({ data }) {
  const main = document.querySelector("[data-testid=stMain]")
  if (data && data !== (main.begun ?? 0)) main.scrollTo(0, 0)
  main.begun = data
  if (main.watch) return
  let held = null, row = ""   // Start and Pause take each other's place, and with it the keyboard's focus
  main.addEventListener("focusin", ({ target }) => {
    held = target.closest("[class*=_buttons] button[kind=primary]")
    row = held && [...held.closest("[class*=_buttons]").classList].find(name => name.endsWith("_buttons"))
  })
  main.watch = new MutationObserver(() => {
    if (!held || held.isConnected) return
    held = null
    if (document.activeElement === document.body) document.querySelector(`.${row} button[kind=primary]`)?.focus({ preventScroll: true })
  })
  main.watch.observe(main, { childList: true, subtree: true })
}
