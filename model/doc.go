// Package model registers models and deploys them: models, the environments they run
// in, the code that answers requests, and [BeginDeploy].
//
//	m, err := model.Register(ctx, ws, "mymodel", "outputs/model.pkl", nil)
//	environment, err := model.NewEnvironmentFromCondaFile("myenv", "environment.yml")
//	inference := &model.InferenceConfig{EntryScript: "score.py", Environment: environment}
//	poller, err := model.BeginDeploy(ctx, ws, "myservice", []*model.Model{m}, inference,
//		webservice.AksDeployConfiguration{ComputeTarget: "myaks"}, nil)
//	service, err := azureml.Wait(ctx, poller, nil)
//
// A [Model] is a name and versions of files; the workspace counts the versions. An
// [Environment] is packages, an image and variables. An [InferenceConfig] is a Python
// script with the functions init() and run(data), and the environment that it runs in.
// [LoadInferenceConfig] reads one from the file inferenceconfig.json of az ml model deploy.
// How and where a service runs is said by a [DeployConfiguration], of which package
// webservice has one for each kind of service.
//
// Files are uploaded one by one, in blocks, with sums that storage compares; memory stays
// the same however large they are. What takes long can be interrupted:
// [RegisterOptions].Checkpoint names a file by which the same call goes on where an earlier
// one ended, and (*Model).Download goes on by itself. [RegisterOptions].ReuseIdentical does
// without an upload where a version has the same content already.
//
// Where there is no service to deploy to, [BeginPackage] builds the same image, or
// collects what it is built from, and [BeginProfile] measures what a service needs.
//
// # From azureml.core to Go
//
//	Model.register(ws, path, name)                 Register, RegisterReader, RegisterURL
//	Model(ws, name) / Model(ws, id="m:3")          Get
//	Model.list(ws, …)                              List
//	model.update(tags, description, …)             (*Model).Update
//	model.add_tags, remove_tags, add_properties    (*Model).AddTags, RemoveTags, AddProperties
//	model.download(target_dir, exist_ok)           (*Model).Download
//	model.delete()                                 (*Model).Delete
//	Model.deploy(ws, name, models, ic, dc)         BeginDeploy
//	InferenceConfig(entry_script, environment)     InferenceConfig
//	Model.package(ws, models, ic)                  BeginPackage
//	package.save(dir), get_logs, pull              (*ModelPackage).Save, Logs; ContainerRegistry and docker
//	Model.profile(ws, name, models, ic, dataset)   BeginProfile
//	ModelProfile(ws, name)                         GetProfile, ListProfiles
//	az ml model deploy -ic inferenceconfig.json    LoadInferenceConfig
//	ResourceConfiguration(cpu, memory_in_gb)       ResourceConfiguration
//	Environment(name)                              NewEnvironment
//	Environment.from_conda_specification           NewEnvironmentFromCondaFile
//	Environment.from_pip_requirements              NewEnvironmentFromPipFile
//	Environment.from_docker_image                  NewEnvironmentFromDockerImage
//	Environment.from_dockerfile                    NewEnvironmentFromDockerfile
//	env.register(ws) / Environment.get(ws, name)   RegisterEnvironment / GetEnvironment
//	Environment.list(ws)                           ListEnvironments
//	env.build(ws)                                  BeginBuildEnvironment
//	env.get_image_details(ws)                      GetEnvironmentImage
//	env.clone(name)                                (*Environment).Clone
//	CondaDependencies.create(pip, conda)           NewCondaDependencies, ParseCondaDependencies
package model
