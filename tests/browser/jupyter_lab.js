/* What NotebookPage asks of the page that it drives: `probe`, there before any script of the page runs. */

window.probe = {
    kernelErrors: [],
    unanswered: new Set(),  // messages that the kernel has not finished with
    before: null,           // what the figures looked like when somebody last asked
    pressedAt: null,
    drawnAt: null,

    get panel() { return window.jupyterapp?.shell?.currentWidget; },
    get kernel() { return this.panel?.sessionContext?.session?.kernel; },

    run(command, options) { return window.jupyterapp.commands.execute(command, options); },
    restart() { return this.kernel.restart(); },
    shutDown() { return this.panel?.sessionContext?.shutdown(); },

    async execute(code) {
        const { content } = await this.kernel.requestExecute({ code, silent: true }).done;
        if (content.status !== 'ok') throw new Error(content.evalue);
    },
    leave() {  // the notebook; its kernel goes on
        const { panel, kernel } = this;
        panel.dispose();
        return kernel.id;
    },
    async enter(notebook, kernel) {
        await this.run('docmanager:open', { path: notebook, kernel: { id: kernel } });
        await this.panel.sessionContext.ready;
        await this.kernel.requestKernelInfo();  // else a kernel that was busy a moment ago may be taken for busy
    },

    isOpen(notebook) {
        const { panel, kernel } = this;
        return panel?.context?.path === notebook && panel.context.isReady && kernel?.status === 'idle';
    },

    listen() {
        this.kernelErrors = [];
        this.pressedAt = this.drawnAt = null;
        const asked = this.unanswered = new Set();
        this.kernel.anyMessage.connect((_, { msg, direction }) => {
            if (direction === 'send' && ['comm_msg', 'execute_request'].includes(msg.header.msg_type))
                asked.add(msg.header.msg_id);
            if (msg.header.msg_type === 'status' && msg.content.execution_state === 'idle')
                asked.delete(msg.parent_header.msg_id);
        });
        this.kernel.iopubMessage.connect((_, message) => {
            const kind = message.header.msg_type, content = message.content;
            if (kind === 'error') this.kernelErrors.push(`${content.ename}: ${content.evalue}`);
            if (kind === 'stream' && content.name === 'stderr' && content.text.includes('Traceback'))
                this.kernelErrors.push(content.text);
        });
    },

    isIdle() {
        const running = this.panel.content.widgets.some(cell => cell.model.executionState === 'running');
        return this.kernel.status === 'idle' && !running && this.unanswered.size === 0;
    },

    isStill() {
        const now = [...document.querySelectorAll('.js-plotly-plot, .widget-html')].map(part => part.innerHTML).join();
        const still = this.before === now;
        this.before = now;
        return still;
    },

    watch() {
        if (this.pressedAt) return;  // it is watched already
        const figure = document.querySelector('.jupyter-widgets .js-plotly-plot');
        figure.on('plotly_afterplot', () => { this.drawnAt = performance.now(); });
        window.addEventListener('keydown', () => { this.pressedAt = performance.now(); }, true);
    },

    errors() {
        const found = [...this.kernelErrors];
        this.panel.content.widgets.forEach((cell, number) => {
            if (cell.model.type !== 'code' || !cell.model.sharedModel.source.trim()) return;
            if (cell.model.executionCount === null) found.push(`cell ${number} did not run`);
            for (const output of cell.model.outputs.toJSON()) {
                if (output.output_type === 'error') found.push(`cell ${number}: ${output.ename}: ${output.evalue}`);
                if (output.output_type === 'stream' && output.name === 'stderr')
                    found.push(`cell ${number} wrote to stderr: ${output.text}`);
            }
        });
        return found;
    },
};
