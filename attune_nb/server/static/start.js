// The form for a new run.

export class StartView {}
