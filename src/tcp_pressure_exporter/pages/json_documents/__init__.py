"""The JSON documents, of a running exporter and of one look: their keys are an interface.

Here may live what makes lists, dicts, words and finite numbers of what verdict/ chose; text from
outside is escaped at last. docs/status-page.md and docs/report.md describe the documents,
docs/status.schema.json checks the first. Choosing and wording may not.
"""
