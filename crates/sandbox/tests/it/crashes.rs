//! Nothing stays behind: not after an ordinary end, not when daemon, shim or broker are killed.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sandbox::{ContainerId, ContainerRequest, Exit};

use crate::house::{House, can_run};

/// Everything on the machine that bears a container's id.
fn traces(house: &House, id: &ContainerId) -> Vec<PathBuf> {
    let id = id.as_str();
    let mut places = vec![
        house.run.join("containers").join(id),
        house.data.path().join("sandbox/containers").join(id),
        Path::new("/sys/fs/cgroup/plimsoll").join(id),
    ];
    for controller in fs::read_dir("/sys/fs/cgroup").unwrap() {
        places.push(controller.unwrap().path().join("plimsoll").join(id));
    }
    places.retain(|place| place.exists());
    for lock in fs::read_dir(house.run.join("ranges")).unwrap() {
        let lock = lock.unwrap().path();
        if fs::read_to_string(&lock).is_ok_and(|text| text == id) {
            places.push(lock);
        }
    }
    places
}

fn no_traces_soon(house: &House, id: &ContainerId, pid: i32) {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let traces = traces(house, id);
        let lives = Path::new(&format!("/proc/{pid}/root")).exists();
        if traces.is_empty() && !lives {
            return;
        }
        assert!(Instant::now() < end, "left behind: {traces:?}, process lives: {lives}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until nobody holds a range: shims do until they are dead, and so does a process that waits to be started.
fn wait_for_locks(house: &House) {
    let end = Instant::now() + Duration::from_secs(20);
    for lock in fs::read_dir(house.run.join("ranges")).unwrap() {
        let lock = fs::File::open(lock.unwrap().path()).unwrap();
        while lock.try_lock().is_err() {
            assert!(Instant::now() < end, "somebody holds {lock:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn sleeper(house: &House) -> ContainerRequest {
    house.request(&[], "sleep 600 & sleep 600")
}

/// The shim of a container: the parent of its first process.
fn shim_of(pid: i32) -> rustix::process::Pid {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")).unwrap().trim().parse().unwrap();
    rustix::process::Pid::from_raw(parent).unwrap()
}

fn kill(pid: rustix::process::Pid) {
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

fn broker_of(house: &House) -> rustix::process::Pid {
    rustix::process::Pid::from_raw(i32::try_from(house.broker.pid()).unwrap()).unwrap()
}

#[test]
fn an_ordinary_end_leaves_nothing() {
    if !can_run() {
        return;
    }
    let house = House::new();
    let request = house.request(&[], "touch /written; sleep 100 &");
    let container = house.broker.create(&request).unwrap();
    let pid = container.pid();
    container.start().unwrap();
    assert_eq!(container.wait().unwrap(), Exit::Code(0));
    container.gone();
    // At once, not soon: the channel ended after everything was gone.
    assert_eq!(traces(&house, &request.id), Vec::<PathBuf>::new());
    no_traces_soon(&house, &request.id, pid);
}

#[test]
fn without_remove_the_writable_layer_is_kept_until_it_is_removed() {
    if !can_run() {
        return;
    }
    let house = House::new();
    let mut request = house.request(&[], "echo kept > /written");
    request.remove = false;
    let container = house.broker.create(&request).unwrap();
    container.start().unwrap();
    container.wait().unwrap();
    container.gone();
    let written = house.data.path().join("sandbox/containers").join(request.id.as_str()).join("upper/written");
    assert_eq!(traces(&house, &request.id).len(), 1);
    assert_eq!(fs::read_to_string(written).unwrap(), "kept\n");
    house.broker.remove(&request.id).unwrap();
    assert_eq!(traces(&house, &request.id), Vec::<PathBuf>::new());
    assert!(house.broker.remove(&request.id).is_err());
}

#[test]
fn a_container_that_cannot_be_made_leaves_nothing() {
    if !can_run() {
        return;
    }
    let house = House::new();
    let mut request = house.request(&[], "true");
    request.args = vec!["missing".into()];
    assert!(house.broker.create(&request).is_err());
    assert_eq!(traces(&house, &request.id), Vec::<PathBuf>::new());
}

#[test]
fn a_daemon_that_goes_away_takes_its_containers_with_it() {
    if !can_run() {
        return;
    }
    let house = House::new();
    let request = sleeper(&house);
    let container = house.broker.create(&request).unwrap();
    container.start().unwrap();
    let pid = container.pid();
    // As a kill of the process that holds both: all its descriptors are closed at once.
    drop(container);
    no_traces_soon(&house, &request.id, pid);
    // And with the container still held, when the broker's connection ends.
    let request = sleeper(&house);
    let container = house.broker.create(&request).unwrap();
    container.start().unwrap();
    let pid = container.pid();
    std::mem::forget(container);
    let house = house.again();
    no_traces_soon(&house, &request.id, pid);
}

#[test]
fn a_shim_that_is_killed_is_cleaned_up_after_by_the_broker() {
    if !can_run() {
        return;
    }
    let house = House::new();
    let request = sleeper(&house);
    let container = house.broker.create(&request).unwrap();
    container.start().unwrap();
    let pid = container.pid();
    kill(shim_of(pid));
    let error = container.wait().unwrap_err().to_string();
    assert!(error.contains("ended by itself"), "{error}");
    no_traces_soon(&house, &request.id, pid);
    assert_eq!(house.run(&[], "echo on").stdout, "on\n");
}

#[test]
fn a_broker_that_is_killed_leaves_its_shims_to_clean_up() {
    if !can_run() {
        return;
    }
    let house = House::new();
    let request = sleeper(&house);
    let container = house.broker.create(&request).unwrap();
    container.start().unwrap();
    let pid = container.pid();
    kill(broker_of(&house));
    assert!(house.broker.layers(&[]).is_err());
    // The container goes on until whoever holds it lets go.
    assert!(Path::new(&format!("/proc/{pid}/root")).exists());
    container.give_up();
    no_traces_soon(&house, &request.id, pid);
}

#[test]
fn what_is_left_when_all_are_killed_is_swept_by_the_next_start() {
    if !can_run() {
        return;
    }
    let house = House::alone();
    let (first, second) = (sleeper(&house), sleeper(&house));
    let running = house.broker.create(&first).unwrap();
    running.start().unwrap();
    let waiting = house.broker.create(&second).unwrap();
    let (one, two) = (running.pid(), waiting.pid());
    let tar = crate::house::Tar::default().file("half", 0o644, &[1; 4096]).finish();
    let mut unpacking = house.broker.unpack(&crate::house::diff_id(&tar)).unwrap();
    std::io::Write::write_all(&mut unpacking, &tar[..2048]).unwrap();
    let shims = [shim_of(one), shim_of(two)];
    kill(broker_of(&house));
    for shim in shims {
        kill(shim);
    }
    drop((running, waiting, unpacking));
    wait_for_locks(&house);
    assert!(!traces(&house, &first.id).is_empty());
    let house = house.again();
    house.broker.layers(&[]).unwrap();
    no_traces_soon(&house, &first.id, one);
    no_traces_soon(&house, &second.id, two);
    assert_eq!(fs::read_dir(house.data.path().join("sandbox/incoming")).unwrap().count(), 0);
    let run = house.run.clone();
    drop(house);
    fs::remove_dir_all(run).unwrap();
}
