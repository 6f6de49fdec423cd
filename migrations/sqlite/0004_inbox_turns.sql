-- Sources take turns: which ones have new webhooks, and the oldest of one source, without reading those of the others.
CREATE INDEX inbox_waiting ON inbox (source, id) WHERE state = 'new';
