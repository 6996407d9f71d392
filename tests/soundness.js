// Contrast is most of what axe works at, and a table has a hundred cells that look alike. Axe still chooses what it
// looks at; but where one text has passed, the next that looks exactly like it, over exactly the same, passes too.
(() => {
  const check = axe._audit.checks['color-contrast'];
  const measure = check.evaluate;
  const passed = new Set();
  let styles = new Map(), boxes = null;

  const styleOf = (element) => {
    if (!styles.has(element)) {
      const style = getComputedStyle(element);
      const plain = style.backgroundColor === 'rgba(0, 0, 0, 0)' && style.backgroundImage === 'none';
      const replaced = element.matches('img, svg, canvas, video, iframe, object, input, select, textarea, button');
      styles.set(element, {
        scrolls: style.overflowX !== 'visible' || style.overflowY !== 'visible',
        paints: !plain || replaced || style.boxShadow !== 'none',
        behind: [style.backgroundColor, style.backgroundImage, style.opacity, style.filter, style.mixBlendMode,
          style.clip, style.clipPath].join(),
        text: [style.color, style.fontSize, style.fontWeight, style.textShadow, style.webkitTextStrokeWidth,
          style.webkitTextStrokeColor].join(),
      });
    }
    return styles.get(element);
  };

  // Whatever paints, and where.
  const painted = () => boxes ??= [...document.body.querySelectorAll('*')]
    .filter((element) => styleOf(element).paints)
    .map((element) => ({element, box: element.getBoundingClientRect()}))
    .filter(({box}) => box.width && box.height);

  // Does something in between scroll? Then what lies outside of `outer` is not seen there.
  const scrolls = (outer, inner) => {
    for (let each = inner.parentElement; each; each = each.parentElement) {
      if (styleOf(each).scrolls) return true;
      if (each === outer) return false;
    }
    return false;
  };

  // What the contrast of this element's text depends on, or nothing where it lies over more than what it stands in.
  const lookOf = (element) => {
    if (element.closest('svg')) return null;
    const own = element.getBoundingClientRect();
    const look = [styleOf(element).text];
    for (const {element: other, box} of painted()) {
      const around = other.contains(element);
      const within = own.left >= box.left - 1 && own.right <= box.right + 1 &&
        own.top >= box.top - 1 && own.bottom <= box.bottom + 1;
      const apart = own.right <= box.left || own.left >= box.right || own.bottom <= box.top || own.top >= box.bottom;
      if (around && !within && scrolls(other, element)) look.push('scrolled away');
      else if (around ? !within : !apart && !element.contains(other)) return null;
    }
    for (let each = element; each; each = each.parentElement) {
      look.push(styleOf(each).behind, each.tagName, each.className, each.getAttribute('style'));
    }
    return look.join('|');
  };

  check.evaluate = function (element, ...rest) {
    const look = lookOf(element);
    if (look && passed.has(look)) return true;
    const answer = measure.call(this, element, ...rest);
    if (look && answer === true) passed.add(look);
    return answer;
  };
  // What axe reports, as [rule, element] pairs.
  window.violations = async (options) => {
    styles = new Map(); boxes = null;
    const found = await axe.run(options);
    return found.violations.flatMap(({id, nodes}) => nodes.map(({html}) => [id, html]));
  };
})();
