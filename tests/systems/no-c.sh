#!/bin/sh
# Stands in for a C compiler where nothing is linked: an empty object, whatever is compiled.
case " $* " in *' -E '*) exec cc "$@" ;; esac
while [ "$1" != -o ]; do shift; done
exec cc -x c -c /dev/null -o "$2"
