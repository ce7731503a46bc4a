<?php
return ['driver' => 'bcrypt'];
