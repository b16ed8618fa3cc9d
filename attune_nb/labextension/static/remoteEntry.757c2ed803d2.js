// The JupyterLab extension: a container of webpack's module federation, written by hand.
//
// JupyterLab loads this script, calls `init` with the modules that it shares, and `get` for its
// plugins. The plugins are the modules beside this file, so there is nothing to build. The name of
// this file ends in a hash of the folder, and the modules are requested with it, since browsers
// cache them. After a change: `python -m attune_nb.labextension`.
(() => {
  'use strict';

  const NAME = 'attune-nb';
  const MODULES = ['colours', 'problems', 'runs'];

  const script = document.currentScript.src;
  const version = script.split('.').at(-2);
  let sharedModules;

  // Return the URL of a file beside this one.
  function fileUrl(name) {
    return new URL(`${name}?v=${version}`, script).href;
  }

  // Import a module that JupyterLab has loaded itself, whatever its version is.
  async function shared(name) {
    const versions = Object.values(sharedModules[name] ?? {});
    const module = versions.find(({ loaded }) => loaded) ?? versions[0];
    if (module === undefined) {
      throw new Error(`JupyterLab shares no module ${name}`);
    }
    return (await module.get())();
  }

  // Return a plugin; null if this JupyterLab lacks something that it needs.
  async function loadPlugin(name) {
    try {
      const module = await import(fileUrl(`${name}.js`));
      return await module.createPlugin(`${NAME}:${name}`, shared);
    } catch (error) {
      console.warn(`${NAME}: no ${name} in this JupyterLab:`, error);
      return null;
    }
  }

  function addStyle() {
    const link = document.createElement('link');
    link.rel = 'stylesheet';
    link.href = fileUrl('style.css');
    document.head.append(link);
  }

  const container = {
    init(modules) {
      sharedModules = modules;
    },

    async get(name) {
      if (name !== './extension') {
        throw new Error(`${NAME} has no module ${name}`);
      }
      addStyle();
      const plugins = await Promise.all(MODULES.map(loadPlugin));
      const extension = { __esModule: true, default: plugins.filter((plugin) => plugin !== null) };
      return () => extension;
    },
  };

  window._JUPYTERLAB = window._JUPYTERLAB ?? {};
  window._JUPYTERLAB[NAME] = container;
})();
