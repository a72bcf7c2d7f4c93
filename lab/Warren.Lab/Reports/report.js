'use strict';
(() => {
  const root = document.documentElement, theme = document.querySelector('.theme');
  theme.hidden = false;
  theme.onclick = () => {
    const dark = root.classList.contains('dark') || (!root.classList.contains('light') && matchMedia('(prefers-color-scheme: dark)').matches);
    root.classList.toggle('dark', !dark);
    root.classList.toggle('light', dark);
  };
  const open = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target && target.tagName === 'DETAILS') { target.open = true; target.scrollIntoView(); }
  };
  addEventListener('hashchange', open);
  open();
  for (const article of document.querySelectorAll('article')) {
    const data = article.querySelector('script.steps');
    if (!data) continue;
    const steps = JSON.parse(data.textContent), panel = article.querySelector('.step');
    const rows = [...article.querySelectorAll('tr.s')], folds = [...article.querySelectorAll('tr.fold')], all = article.querySelector('.all');
    let picked = -1;

    const folded = fold => {
      const hidden = [];
      for (let row = fold.nextElementSibling, n = +fold.querySelector('button').dataset.count; row && n > 0; row = row.nextElementSibling, n--) hidden.push(row);
      return hidden;
    };
    const setFold = (fold, closed) => {
      const button = fold.querySelector('button');
      folded(fold).forEach(row => { row.hidden = closed; });
      fold.classList.toggle('open', !closed);
      button.textContent = (closed ? '▸ ' : '▾ ') + button.dataset.count + ' steps';
    };
    const setAll = closed => {
      folds.forEach(fold => setFold(fold, closed));
      all.textContent = closed ? 'Show all steps' : 'Only what bears on the verdict';
    };
    folds.forEach(fold => { fold.querySelector('button').onclick = () => setFold(fold, fold.classList.contains('open')); });
    if (folds.length) {
      all.hidden = false;
      all.onclick = () => setAll(folds.some(fold => fold.classList.contains('open')));
      setAll(rows.length > 40);
    }

    const line = (list, name, value) => {
      if (!value) return;
      const dt = document.createElement('dt'), dd = document.createElement('dd');
      dt.textContent = name;
      dd.textContent = value;
      list.append(dt, dd);
    };
    const pick = index => {
      rows.forEach(row => row.classList.remove('picked', 'same'));
      picked = index;
      panel.hidden = index < 0;
      if (index < 0) return;
      const step = steps[index], title = document.createElement('b'), list = document.createElement('dl'), close = document.createElement('button');
      rows.forEach((row, i) => row.classList.toggle('same', step.subject !== '' && i !== index && steps[i].subject === step.subject));
      rows[index].classList.add('picked');
      rows[index].scrollIntoView({ block: 'nearest' });
      rows[index].focus({ preventScroll: true });
      title.textContent = (index + 1) + ' · ' + step.thread + ': ' + step.what;
      close.textContent = 'close';
      close.onclick = () => pick(-1);
      line(list, 'operation', step.operation);
      line(list, 'value', step.value);
      line(list, 'source', step.source);
      line(list, 'holds', step.held);
      line(list, 'note', step.note);
      if (step.preempts) line(list, 'order', 'the thread before could have gone on: a preemption');
      panel.replaceChildren(close, title, list);
    };
    rows.forEach((row, i) => { row.onclick = () => pick(i === picked ? -1 : i); });
    article.addEventListener('keydown', e => {
      const move = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[e.key];
      if (e.key === 'Escape') pick(-1);
      if (!move || picked < 0) return;
      let next = picked + move;
      while (rows[next] && rows[next].hidden) next += move;
      if (rows[next]) { pick(next); e.preventDefault(); }
    });
  }
})();
