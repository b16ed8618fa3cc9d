// The theme of the page. This script runs before the page is drawn, so that it does not flash.

(() => {
  const root = document.documentElement;
  const isTheme = (theme) => theme === 'light' || theme === 'dark';

  /** Use a theme: "light", "dark", or any other value for that of the reader's system. */
  function applyTheme(theme) {
    if (isTheme(theme)) root.dataset.theme = theme;
    else delete root.dataset.theme;
  }

  // JupyterLab opens the page in a frame, with its own theme
  const asked = new URLSearchParams(location.search).get('theme');
  let stored = null;
  try {
    stored = localStorage.getItem('attune-theme');
  } catch {
    // a browser may forbid a frame to store anything
  }
  applyTheme(isTheme(asked) ? asked : stored);

  window.addEventListener('message', (event) => {
    if (event.origin !== location.origin || event.data?.type !== 'attune-theme') return;
    applyTheme(event.data.theme);
  });
})();
