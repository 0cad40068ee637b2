// Pieces of the panels' descriptions.
local bytes(n) =
  if n >= 1024 * 1024 * 1024 then '%g GiB' % (n / (1024 * 1024 * 1024))
  else if n >= 1024 * 1024 then '%g MiB' % (n / (1024 * 1024))
  else '%g KiB' % (n / 1024);
local plain(n) = '%g' % n;
{
  bytes: bytes,
  // "Warning at 200, failure at 1000."
  levels(flag, show=plain)::
    local parts =
      (if flag.warning != null then ['warning at ' + show(flag.warning)] else []) +
      (if flag.failure != null then ['failure at ' + show(flag.failure)] else []);
    if parts == [] then 'Its red flag is switched off.'
    else std.asciiUpper(parts[0][0]) + std.join(', ', parts)[1:] + '.',
  share(n):: '%g %%' % (100 * n),
  // "Normal: 50 to 150."
  band(band):: 'Normal: %d to %d (shaded).' % band,
}
