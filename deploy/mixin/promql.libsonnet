// Changes to expressions and texts, without a parser: what ships is written so that these suffice.
local metric = 'tcp_pressure_';
local nameChars = {
  [c]: true
  for c in std.stringChars('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:')
};
local inName(c) = std.objectHas(nameChars, c);
local last(text) = if text == '' then ' ' else text[std.length(text) - 1];

{
  // The length of the name at the beginning of the text.
  local nameLength(text, i=0) =
    if i < std.length(text) && inName(text[i]) then nameLength(text, i + 1) tailstrict else i,

  local matched(rest, matchers) =
    local n = nameLength(rest), name = std.substr(rest, 0, n), after = rest[n:];
    if std.member(name, ':') then rest  // a recorded series, which has what it was recorded of
    else if std.startsWith(after, '{') then '%s{%s, %s' % [name, matchers, after[1:]]
    else '%s{%s}%s' % [name, matchers, after],

  // Add matchers to each metric of the exporter.
  select(expr, matchers)::
    if matchers == '' then expr else
      local parts = std.split(expr, metric);
      parts[0] + std.join('', [
        metric + (if inName(last(parts[i - 1])) then parts[i] else matched(parts[i], matchers))
        for i in std.range(1, std.length(parts) - 1)
      ]),

  // Replace what an expression compares with at its end.
  compare(expr, before, after)::
    local end = if std.endsWith(expr, '\n') then '\n' else '';
    local found = ' ' + before + end;
    assert std.endsWith(expr, found) : 'no "%s" at the end of: %s' % [before, expr];
    expr[:std.length(expr) - std.length(found)] + ' ' + after + end,

  // Replace the label by which clusters are told apart, wherever it stands in a rule or a dashboard. The
  // dashboards' variable keeps its name.
  local places = [
    '(%s, ',
    ', %s, ',
    ', %s)',
    '%s=~',
    '%s!=""',
    '%s=%%q',
    'labels.%s',
    '{{%s}}',
    '"options": "%s"',
    '"%s": ',
  ],
  cluster(text, label)::
    std.foldl(function(done, place) std.strReplace(done, place % 'cluster', place % label), places, text),
}
