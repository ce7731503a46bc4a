<?php

require dirname(__DIR__) . '/vendor/autoload.php';

(new IntimeManager\Application(dirname(__DIR__)))->answer();
