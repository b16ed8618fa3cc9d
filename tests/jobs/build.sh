#!/bin/sh
echo "build $*" >>steps.log
