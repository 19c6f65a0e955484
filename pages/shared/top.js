// Another part, or an experiment, begins at the top of the page.
const seen = new WeakMap()

export default function ({ parentElement, data: [part, preset] }) {
  const [before, named] = seen.get(parentElement) ?? [part, preset]
  if (before !== part || (preset && preset !== named)) document.querySelector("[data-testid=stMain]")?.scrollTo(0, 0)
  seen.set(parentElement, [part, preset])
}
