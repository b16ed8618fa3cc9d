#!/bin/sh
echo "test $*" >>steps.log
