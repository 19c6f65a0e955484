// Another part, or an experiment, begins at the top of the page. The server counts them: this code may load after one was drawn.
export default function ({ data }) {
  const main = document.querySelector("[data-testid=stMain]")
  if (data && data !== (main.begun ?? 0)) main.scrollTo(0, 0)
  main.begun = data
}
