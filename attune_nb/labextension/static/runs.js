// The runs of the server in JupyterLab: a card of the launcher, a command, a tab with the page of
// runs, and a side panel. The server says where the page is, in JupyterLab's page configuration; a
// server without it gets none of these.

// the same `?v=...` as this module's, so that both are of one version
const { createRunList } = await import(`./run_list.js${new URL(import.meta.url).search}`);

const OPEN = 'attune:open-runs';
const TITLE = 'Workflow runs';
const RUN_PATH = /\/runs\/([0-9a-f]{12})$/;

const ICON = `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 16 16">
  <g class="jp-icon3 jp-icon-selectable" fill="#616161">
    <rect x="1" y="2" width="8" height="3" rx="0.5"/>
    <rect x="4" y="6.5" width="8" height="3" rx="0.5"/>
    <rect x="8" y="11" width="7" height="3" rx="0.5"/>
  </g>
</svg>`;

export async function createPlugin(id, shared) {
  const names = [
    '@jupyterlab/application',
    '@jupyterlab/apputils',
    '@jupyterlab/coreutils',
    '@jupyterlab/launcher',
    '@jupyterlab/ui-components',
    '@lumino/widgets',
  ];
  const modules = await Promise.all(names.map(shared));
  const [{ ILayoutRestorer }, apputils, coreutils, { ILauncher }, { LabIcon }, { Widget }] = modules;
  const { ICommandPalette, IThemeManager, MainAreaWidget, WidgetTracker } = apputils;
  const { PageConfig, URLExt } = coreutils;

  const runsUrl = PageConfig.getOption('attuneUrl');
  const icon = new LabIcon({ name: `${id}:icon`, svgstr: ICON });

  function theme() {
    return document.body.dataset.jpThemeLight === 'false' ? 'dark' : 'light';
  }

  function pageUrl(run) {
    const path = run ? URLExt.join(runsUrl, 'runs', run) : runsUrl;
    return `${path}?theme=${theme()}`;
  }

  // The page of runs in a frame.
  class RunsPage extends Widget {
    constructor(openNotebook, remember) {
      const frame = document.createElement('iframe');
      frame.title = TITLE;
      const node = document.createElement('div');
      node.append(frame);
      super({ node });

      // JupyterLab's class for frames: they get no events while a tab is dragged over them
      this.addClass('jp-IFrame');
      this.addClass('attune-page');
      this.frame = frame;
      this.openNotebook = openNotebook;
      this.remember = remember;
      frame.addEventListener('load', () => this.handleLoad());
    }

    // The run that is shown, or an empty string.
    get run() {
      const path = this.frame.contentWindow?.location.pathname ?? '';
      return RUN_PATH.exec(path)?.[1] ?? '';
    }

    show(run) {
      this.frame.src = pageUrl(run);
    }

    setTheme() {
      const message = { type: 'attune-theme', theme: theme() };
      this.frame.contentWindow?.postMessage(message, location.origin);
    }

    handleLoad() {
      this.setTheme();
      this.remember();
      // the page goes from run to run without being loaded
      this.frame.contentWindow?.navigation?.addEventListener('currententrychange', this.remember);
      this.frame.contentDocument?.addEventListener('click', (event) => this.handleClick(event));
    }

    // Open a notebook to which a link of the page leads in this JupyterLab, not in the frame.
    handleClick(event) {
      const link = event.target.closest('a[href]');
      const { pathname: folder } = new URL('lab/tree/', PageConfig.getBaseUrl());
      if (link?.origin === location.origin && link.pathname.startsWith(folder)) {
        event.preventDefault();
        this.openNotebook(decodeURIComponent(link.pathname.slice(folder.length)));
      }
    }
  }

  function addTab(app, themes, restorer) {
    const { commands, shell } = app;
    const tracker = new WidgetTracker({ namespace: 'attune-runs' });
    const openNotebook = (path) => commands.execute('docmanager:open', { path });
    let tab = null;

    function createTab() {
      // the run in the frame is shown again when JupyterLab is loaded again
      const remember = () => tab && tracker.has(tab) && tracker.save(tab);
      tab = new MainAreaWidget({ content: new RunsPage(openNotebook, remember) });
      tab.toolbar.hide();
      tab.id = 'attune-runs';
      tab.title.label = TITLE;
      tab.title.icon = icon;
      tab.title.closable = true;
      tab.disposed.connect(() => {
        tab = null;
      });
      return tab;
    }

    commands.addCommand(OPEN, {
      label: TITLE,
      caption: 'Watch and steer the runs of workflows',
      icon,
      // `run` is the id of a run; an empty string for the list, which is shown at first
      async execute({ run }) {
        // Jupyter Notebook has no tabs of its own
        if (PageConfig.getOption('notebookPage')) {
          window.open(pageUrl(run), '_blank');
          return;
        }

        const isNew = tab === null;
        const widget = tab ?? createTab();
        if (isNew || run !== undefined) {
          widget.content.show(run);
        }
        if (isNew) {
          shell.add(widget, 'main');
          await tracker.add(widget);
        }
        shell.activateById(widget.id);
      },
    });

    themes?.themeChanged.connect(() => tab?.content.setTheme());
    restorer?.restore(tracker, {
      command: OPEN,
      args: (widget) => ({ run: widget.content.run }),
      name: () => 'runs',
    });
  }

  function addPanel(app, restorer) {
    const settings = app.serviceManager.serverSettings;
    let url = URLExt.join(PageConfig.getWsUrl(), 'attune/api/socket');
    if (settings.appendToken && settings.token) {
      url += `?token=${encodeURIComponent(settings.token)}`;
    }
    const list = createRunList(url, (run) => app.commands.execute(OPEN, { run }));

    class RunsPanel extends Widget {
      onAfterShow() {
        list.start();
      }

      onAfterHide() {
        list.stop();
      }

      onBeforeDetach() {
        list.stop();
      }
    }
    const panel = new RunsPanel({ node: list.node });
    panel.id = 'attune-run-list';
    panel.title.icon = icon;
    panel.title.caption = TITLE;
    panel.node.setAttribute('role', 'region');
    panel.node.setAttribute('aria-label', TITLE);
    app.shell.add(panel, 'left', { rank: 700 });
    restorer?.add(panel, panel.id);
  }

  return {
    id,
    description: 'Shows the runs of workflows: a card, a tab and a side panel.',
    autoStart: true,
    optional: [ICommandPalette, ILauncher, IThemeManager, ILayoutRestorer],

    activate(app, palette, launcher, themes, restorer) {
      if (!runsUrl) {
        return;
      }
      addTab(app, themes, restorer);
      addPanel(app, restorer);
      palette?.addItem({ command: OPEN, category: 'Attune' });
      launcher?.add({ command: OPEN, category: 'Other', rank: 1 });
    },
  };
}
