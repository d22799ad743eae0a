#!/bin/sh
# Completes `@NAME@`. kubectl runs it with the words typed so far, if it is on PATH as @COMPLETER@.
exec @FILE@ __complete "$@" 2>/dev/null </dev/null
