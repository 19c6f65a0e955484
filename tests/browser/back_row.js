// What test_back_row.py measures on an open page.
window.backRow = (() => {
  const all = (selector, inside = document) => [...inside.querySelectorAll(selector)].filter(e => e.checkVisibility());
  const box = e => { const r = e.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom]; };
  const seen = e => e.textContent.trim() && ['opacity', 'fillOpacity'].every(name => getComputedStyle(e)[name] > 0.1);

  // Each picture's name, the height of its largest plot, its own box, and its words with their sizes and boxes.
  const charts = () => all('[data-testid=stVegaLiteChart]').filter(c => c.querySelector('svg.marks')).map(c => {
    const svg = c.querySelector('svg.marks');
    const plots = all('.role-frame > g > path.background', svg).map(e => e.getBoundingClientRect().height);
    const texts = all('text', svg).filter(seen).map(e => ({
      text: e.textContent, size: parseFloat(getComputedStyle(e).fontSize), box: box(e), leans: /rotate\(-?[1-9]/.test(e.getAttribute('transform') || '')}));
    return {name: c.getAttribute('aria-label'), plot: Math.max(0, ...plots), page: box(svg), texts};
  });

  // What is lower than a finger wants.
  const not = '[data-testid=stTooltipIcon], [data-testid=stSelectbox], [data-testid=stElementToolbar], [data-testid=stCode], [data-testid=stDataFrame]';
  const targets = () => all('[data-testid=stMain] :is(button, summary)').filter(e => !e.closest(not) && !e.disabled)
    .map(e => [e.innerText.slice(0, 40) || e.getAttribute('aria-label'), Math.round(e.getBoundingClientRect().height)]).filter(([, high]) => high && high < 40);

  const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'];
  const faults = async () => (await window.axe.run(document, {runOnly: rules, resultTypes: ['violations']})).violations
    .filter(v => ['serious', 'critical'].includes(v.impact))
    .map(v => [v.id, v.nodes.slice(0, 3).map(n => n.target.join(' ') + ': ' + n.failureSummary.slice(0, 200))]);

  return {charts, targets, axe: faults};
})();
