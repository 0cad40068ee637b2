#!/bin/sh
# The manual pages are sound: podchecker finds no fault in their sources, and man none in what
# is made of them. Runs in the build folder, with the source's path in srcdir.
: "${srcdir:?}"
tested=no
failed=no

if command -v podchecker >/dev/null; then
  for source in "$srcdir"/plugins/*/*.pod; do
    tested=yes
    podchecker -warnings -warnings "$source" || failed=yes
  done
else
  echo 'skipped: no podchecker (Debian package perl)'
fi

if command -v man >/dev/null; then
  for source in "$srcdir"/plugins/*/*.pod; do
    page=${source#"$srcdir"/}
    page=${page%.pod}
    [ -f "$page" ] || page=${source%.pod}
    tested=yes
    words=$(LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null)
    if [ -n "$words" ]; then
      printf 'man --warnings on %s:\n%s\n' "$page" "$words"
      failed=yes
    fi
  done
else
  echo 'skipped: no man (Debian package man-db)'
fi

[ "$failed" = no ] || exit 1
[ "$tested" = yes ] || exit 77
