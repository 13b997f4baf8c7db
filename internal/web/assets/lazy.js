// What is looked for only when it is opened: the fragment that data-src names comes into the place of the link to its page.
async function load(details) {
  if (!details.open || details.dataset.loaded) return;
  details.dataset.loaded = 'yes';
  const place = details.querySelector('summary + *');
  place.setAttribute('aria-busy', 'true');
  try {
    const answer = await fetch(details.dataset.src + '?fragment=1');
    if (answer.ok) place.innerHTML = await answer.text(); // of this server, which makes safe what comes from files
    else delete details.dataset.loaded;
  } catch { delete details.dataset.loaded; /* the link is still there */ }
  place.removeAttribute('aria-busy');
}

// The event does not rise through the document, but goes down.
document.addEventListener('toggle', e => { if (e.target.matches?.('details.lazy')) load(e.target); }, true);
